import type { Request } from '@middy/core'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import type { Call } from './call.ts'

/** What middy hands to a hook here: the call, and what has become of it so far. */
export type StepRequest<Input = unknown, Response = HttpResponse> = Request<Call<Input>, Response>

/** One middy middleware around a call. */
export interface Step<Input = unknown, Response = HttpResponse> {
  before?: (request: StepRequest<Input, Response>) => void | Promise<void>
  after?: (request: StepRequest<Input, Response>) => void | Promise<void>
  onError?: (request: StepRequest<Input, Response>) => void | Promise<void>
}
