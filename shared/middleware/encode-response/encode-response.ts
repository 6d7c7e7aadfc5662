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
      const { event, response } = request
      if (!event.replay) request.response = encode(response as Output, event)
    },
  }
}
