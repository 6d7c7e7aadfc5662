import type { Authenticate } from '#shared/access/authenticate.ts'
import { type ActionSteps, action } from '#shared/endpoints/action.ts'
import { createLogger } from '#shared/observability/logger.ts'
import {
  type HttpRequest,
  type HttpResponse,
  jsonResponse,
} from '#shared/protocols/http-message.ts'
import { matchRoute } from '#shared/protocols/routes.ts'

export interface Steps {
  call(changes?: Partial<HttpRequest>): Promise<HttpResponse>
  /** Every line that was logged, parsed. */
  readonly log: Record<string, unknown>[]
  /** The same lines as they were written. */
  readonly lines: string[]
}

export interface StepsOptions extends Partial<ActionSteps<HttpRequest, unknown>> {
  authenticate?: Authenticate
  bodyLimitBytes?: number
}

/** All steps around a use case that answers with the request itself, unless told otherwise. */
export function startSteps({
  authenticate = async () => ({
    method: 'api-key',
    keyId: 'key-1',
    tenant: 'acme',
    mode: 'live',
    scopes: ['predict', 'models:read'],
  }),
  bodyLimitBytes = 10_000,
  decode = ({ request }) => request,
  run = ({ body }) => ({ received: Buffer.from(body).toString() }),
  encode = (output) => jsonResponse(output),
  ...others
}: StepsOptions = {}): Steps {
  const lines: string[] = []
  const logger = createLogger({ write: (line) => lines.push(line), now: () => 0 })
  const unsold = () => {
    throw new Error('nothing is sold here')
  }
  const meter = { begin: unsold, quote: unsold }
  const limitRate = async () => []
  const services = { authenticate, logger, bodyLimitBytes, meter, limitRate }
  const act = action(services, { ...others, decode, run, encode })
  return {
    lines,
    get log() {
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    },
    call(changes = {}) {
      const request: HttpRequest = {
        method: 'POST',
        path: '/v1/models/iris/predict',
        query: {},
        headers: {},
        body: Buffer.from('hello'),
        sourceIp: '127.0.0.1',
        ...changes,
      }
      return act(request, matchRoute(request.method, request.path))
    },
  }
}

export const jsonOf = ({ body }: HttpResponse): Record<string, unknown> => JSON.parse(String(body))
