import type { Endpoint } from '#shared/protocols/http-message.ts'

export interface CallsUnderWay {
  readonly endpoint: Endpoint
  /** Resolves once all calls that have come so far are answered, their streams to the end. */
  over(): Promise<void>
}

/** An endpoint of which is known what it still has to do. */
export function callsUnderWay(serve: Endpoint): CallsUnderWay {
  const calls = new Set<Promise<void>>()
  return {
    async endpoint(request) {
      const { promise, resolve } = Promise.withResolvers<void>()
      calls.add(promise)
      const end = () => {
        calls.delete(promise)
        resolve()
      }
      try {
        const response = await serve(request)
        if (response.stream) return { ...response, stream: endedWith(response.stream, end) }
        end()
        return response
      } catch (thrown) {
        end()
        throw thrown
      }
    },
    over: () => Promise.all(calls).then(() => undefined),
  }
}

/** The same stream; `end` is told when it is read to its end, left or broken. */
function endedWith(
  stream: AsyncIterable<Uint8Array>,
  end: () => void,
): AsyncIterable<Uint8Array, undefined> {
  const source = stream[Symbol.asyncIterator]()
  const over = { done: true, value: undefined } as const
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        try {
          const next = await source.next()
          if (!next.done) return next
        } catch (thrown) {
          end()
          throw thrown
        }
        end()
        return over
      },
      return: async () => {
        await Promise.resolve(source.return?.()).finally(end)
        return over
      },
      throw: async (reason: unknown) => {
        await Promise.resolve(source.throw ? source.throw(reason) : source.return?.()).finally(end)
        return over
      },
    }),
  }
}
