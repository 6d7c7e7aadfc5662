import middy from '@middy/core'
import type { Authenticate } from '#shared/access/authenticate.ts'
import { authenticate } from '#shared/middleware/authenticate/authenticate.ts'
import type { Call } from '#shared/middleware/call.ts'
import { compressResponse } from '#shared/middleware/compress-response/compress-response.ts'
import { type Encode, encodeResponse } from '#shared/middleware/encode-response/encode-response.ts'
import { errorResponse } from '#shared/middleware/error-response/error-response.ts'
import { logCall } from '#shared/middleware/log-call/log-call.ts'
import { readBody } from '#shared/middleware/read-body/read-body.ts'
import { requestId } from '#shared/middleware/request-id/request-id.ts'
import type { Step } from '#shared/middleware/step.ts'
import { type Decode, validate } from '#shared/middleware/validate/validate.ts'
import type { Logger } from '#shared/observability/logger.ts'
import type { HttpRequest, HttpResponse } from '#shared/protocols/http-message.ts'
import type { RouteMatch, RouteMiss } from '#shared/protocols/routes.ts'

/** What every action needs of the service. */
export interface ActionServices {
  readonly authenticate: Authenticate
  readonly logger: Logger
  readonly bodyLimitBytes: number
}

/** What an action does between its edges. */
export interface ActionSteps<Input, Output> {
  decode: Decode<Input>
  run: (input: Input, call: Call<Input>) => Output | Promise<Output>
  encode: Encode<Input, Output>
}

export type Action = (request: HttpRequest, match: RouteMatch | RouteMiss) => Promise<HttpResponse>

/**
 * One action of the service: its steps around one use case. `before` hooks run from top to bottom,
 * `after` and `onError` hooks from bottom to top.
 */
export function action<Input, Output>(
  services: ActionServices,
  { decode, run, encode }: ActionSteps<Input, Output>,
): Action {
  const steps = [
    requestId(),
    compressResponse(),
    logCall(services),
    errorResponse(),
    authenticate(services),
    readBody({ limitBytes: services.bodyLimitBytes }),
    validate({ decode }),
    encodeResponse({ encode }),
  ] as unknown as Step<Input>[]
  // middy knows one type of response; here the handler's own becomes one in `encodeResponse`.
  const handle = middy<Call<Input>, HttpResponse>()
    .use(steps)
    .handler((call: Call<Input>) => run(call.input, call) as never) as unknown as (
    call: Call,
    context: object,
  ) => Promise<HttpResponse>
  return (request, match) =>
    handle({ request, match, receivedAt: performance.now(), id: '', input: undefined }, {})
}
