import { ServiceError } from '#shared/errors/service-error.ts'

export interface PaidStreamOptions {
  /** Charges for what has been made of the answer; these bytes of it are delivered. */
  settle: (delivered: Uint8Array) => Promise<unknown>
  /** Nothing is charged. */
  release: (reason: string) => Promise<unknown>
  /** What is said of a failure; nothing where the stream is to be cut off. */
  encodeError: (error: ServiceError) => Uint8Array | undefined
  /** Sent once the charge stands. */
  end?: Uint8Array | undefined
}

/**
 * A stream of events that is paid for. One that comes to its end is charged before the end is sent,
 * since it is the proof that the answer is whole; one whose reader goes away is charged for what was
 * delivered; one that breaks off by a fault of ours is free, and says why in a last event. To call it
 * off (`throw` a `ServiceError`) is free, too, and fails with that, unless it is sold already.
 */
export function paidStream(
  stream: AsyncIterable<Uint8Array>,
  { settle, release, encodeError, end }: PaidStreamOptions,
): AsyncIterable<Uint8Array> {
  const source = stream[Symbol.asyncIterator]()
  const delivered: Uint8Array[] = []
  let isLeft = false
  let ended: Promise<unknown> | undefined

  const charge = (): Promise<unknown> => (ended ??= settle(Buffer.concat(delivered)))
  const giveBack = (reason: string): Promise<unknown> => (ended ??= release(reason))

  async function* events(): AsyncGenerator<Uint8Array> {
    try {
      for (let next = await source.next(); !next.done; next = await source.next()) {
        if (isLeft) return
        delivered.push(next.value)
        yield next.value
      }
      if (isLeft) return
      if (end) delivered.push(end)
      await charge()
      if (end) yield end
    } catch (thrown) {
      const error = ServiceError.from(thrown)
      await giveBack(error.code).catch(() => undefined)
      const last = encodeError(error)
      if (!last) throw error
      yield last
    }
  }

  const run = events()
  // A generator would first wait for what comes next.
  async function leave() {
    isLeft = true
    await source.return?.()
    await (delivered.length > 0 ? charge() : giveBack('caller-left'))
    return { done: true, value: undefined } as const
  }
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => run.next(),
      return: leave,
      async throw(error) {
        // What a socket that breaks throws at its source is its reader's leaving.
        if (ended || !(error instanceof ServiceError)) return leave()
        isLeft = true
        await Promise.all([source.return?.(), giveBack(error.code)])
        throw error
      },
    }),
  }
}
