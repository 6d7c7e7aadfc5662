import type { HttpResponse } from '#shared/protocols/http-message.ts'
import type { Call } from '../call.ts'
import type { Step } from '../step.ts'

export type Encode<Input, Output> = (output: Output, call: Call<Input>) => HttpResponse

/** From what the use case returned to the body of the route's dialect. */
export function encodeResponse<Input, Output>({
  encode,
}: {
  encode: Encode<Input, Output>
}): Step<Input, Output | HttpResponse> {
  return {
    after(request) {
      request.response = encode(request.response as Output, request.event)
    },
  }
}
