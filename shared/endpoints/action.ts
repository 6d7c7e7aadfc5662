import middy from '@middy/core'
import type { Authenticate } from '#shared/access/authenticate.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import type { Meter } from '#shared/metering/metered-call.ts'
import type { LimitRate } from '#shared/metering/rate-limiter.ts'
import { authenticate } from '#shared/middleware/authenticate/authenticate.ts'
import type { Call } from '#shared/middleware/call.ts'
import { compressResponse } from '#shared/middleware/compress-response/compress-response.ts'
import { type DeferOptions, defer } from '#shared/middleware/defer/defer.ts'
import { type Encode, encodeResponse } from '#shared/middleware/encode-response/encode-response.ts'
import { errorResponse } from '#shared/middleware/error-response/error-response.ts'
import { limitRate } from '#shared/middleware/limit-rate/limit-rate.ts'
import { logCall } from '#shared/middleware/log-call/log-call.ts'
import { type MeterStepOptions, meter } from '#shared/middleware/meter/meter.ts'
import { readBody } from '#shared/middleware/read-body/read-body.ts'
import { rehearse } from '#shared/middleware/rehearse/rehearse.ts'
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
  readonly meter: Meter
  readonly limitRate: LimitRate
  /** Where calls can be put off. */
  readonly openJobs?: (() => Promise<JobServices>) | undefined
}

/** What an action does between its edges. */
export interface ActionSteps<Input, Output> {
  decode: Decode<Input>
  run: (input: Input, call: Call<Input>) => Output | Promise<Output>
  encode: Encode<Input, Output>
  /** What a call buys, where it is sold. */
  purchase?: MeterStepOptions<Input>['purchase']
  /** The input for the version that an earlier attempt of the call has pinned. */
  repin?: MeterStepOptions<Input>['repin']
  /** Where the call can be put off. */
  deferral?: Pick<DeferOptions<Input>, 'entryOf' | 'askedOf' | 'check'>
}

export type Action = (request: HttpRequest, match: RouteMatch | RouteMiss) => Promise<HttpResponse>

/**
 * One action of the service: its steps around one use case. `before` hooks run from top to bottom,
 * `after` and `onError` hooks from bottom to top, whichever step has thrown. So what adds headers to
 * refusals, too, stands above `errorResponse`, and what ends a paid call below it.
 */
export function action<Input, Output>(
  services: ActionServices,
  { decode, run, encode, purchase, repin, deferral }: ActionSteps<Input, Output>,
): Action {
  const steps = [
    requestId(),
    compressResponse(),
    logCall(services),
    authenticate(services),
    limitRate(services),
    errorResponse(),
    readBody({ limitBytes: services.bodyLimitBytes }),
    validate({ decode }),
    ...(deferral
      ? [defer({ ...deferral, repin, openJobs: services.openJobs, encode: accept })]
      : []),
    ...(purchase
      ? [
          rehearse('refusal'),
          meter({ meter: services.meter, purchase, repin }),
          rehearse('failure'),
        ]
      : []),
    encodeResponse({ encode }),
  ] as unknown as Step<Input>[]
  // middy knows one type of response; here the handler's own becomes one in `encodeResponse`.
  const handle = middy<Call<Input>, HttpResponse>()
    .use(steps)
    .handler((call: Call<Input>) => (call.replay ?? wanted(call, run)) as never) as unknown as (
    call: Call,
    context: object,
  ) => Promise<HttpResponse>
  return (request, match) =>
    handle({ request, match, receivedAt: performance.now(), id: '', input: undefined }, {})
}

/** What a job that was cancelled meanwhile has computed is not sold. */
async function wanted<Input, Output>(
  call: Call<Input>,
  run: ActionSteps<Input, Output>['run'],
): Promise<Output> {
  const output = await run(call.input, call)
  const { deferred, signal } = call.request
  if (!deferred || !signal?.aborted) return output
  throw signal.reason
}

const accept: DeferOptions<unknown>['encode'] = async (...accepted) =>
  (await import('./accept-job.ts')).acceptJob(...accepted)
