import type { Call } from '../call.ts'
import type { Step } from '../step.ts'

/** From the request to what the use case takes; throws a ServiceError where they do not fit. */
export type Decode<Input> = (call: Call) => Input | Promise<Input>

/** Schema once, at the edge: behind this step the input is typed and trusted. */
export function validate<Input>({ decode }: { decode: Decode<Input> }): Step<Input> {
  return {
    async before({ event }) {
      event.input = await decode(event)
    },
  }
}
