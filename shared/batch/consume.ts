import { setTimeout as sleep } from 'node:timers/promises'
import type { Handled } from './batch-services.ts'
import { handleDelivery } from './handle-delivery.ts'
import type { Delivery, Queue } from './queue.ts'
import { createWorkWidth } from './work-width.ts'

export interface ConsumeOptions {
  queue: Queue
  handle: (body: string, receives: number) => Promise<Handled>
  /** So many messages are worked on at a time at first, … */
  concurrency: number
  /** … and never more than so many; default: as many as at first. */
  mostAtATime?: number
  /** How much has been done until now, by which more at a time is judged; default: messages. */
  worked?: () => number
  /** A message is hidden for so long, and again while it is being worked on. */
  visibilityMs?: number
  /** Told of what `handle` or the queue threw; the message comes again. */
  onFailure: (cause: unknown) => void
  now?: () => number
}

/**
 * Works a queue off until it is stopped, as many messages at a time as pays (`work-width`).
 *
 * @returns what stops it, and waits for the messages that are being worked on
 */
export function consume({
  queue,
  handle,
  concurrency,
  mostAtATime = concurrency,
  worked,
  visibilityMs = 60_000,
  onFailure,
  now = Date.now,
}: ConsumeOptions): () => Promise<void> {
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  const width = createWorkWidth({ start: concurrency, most: mostAtATime })
  /** Messages that were done. */
  let done = 0

  async function work(delivery: Delivery): Promise<void> {
    const begun = width.begin()
    const options = { queue, handle, visibilityMs, onFailure }
    const { isDone, pressure } = await handleDelivery(delivery, options)
    if (isDone) await queue.remove(delivery).catch(onFailure)
    if (isDone) done += 1
    width.end(begun, { at: now(), worked: worked?.() ?? done, pressure })
  }
  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (running.size >= width.value) {
        await Promise.race(running)
        continue
      }
      try {
        const limit = Math.min(10, width.value - running.size)
        for (const delivery of await queue.receive({ limit, visibilityMs, waitMs: 1_000 })) {
          const working = work(delivery).finally(() => running.delete(working))
          running.add(working)
        }
      } catch (cause) {
        onFailure(cause)
        await sleep(1_000, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
  }
  const looping = loop()
  return async () => {
    stopping.abort()
    await looping
    await Promise.all(running)
  }
}
