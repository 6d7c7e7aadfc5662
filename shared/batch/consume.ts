import { setTimeout as sleep } from 'node:timers/promises'
import type { Handled } from './batch-services.ts'
import { handleDelivery } from './handle-delivery.ts'
import type { Delivery, Queue } from './queue.ts'

export interface ConsumeOptions {
  queue: Queue
  handle: (body: string, receives: number) => Promise<Handled>
  /** The most messages that are worked on at a time. */
  concurrency: number
  /** A message is hidden for so long, and again while it is being worked on. */
  visibilityMs?: number
  /** Told of what `handle` or the queue threw; the message comes again. */
  onFailure: (cause: unknown) => void
}

/**
 * Works a queue off until it is stopped. As many messages are worked on as the stores can take: one
 * more after each that is done, half as many when one must come again (AIMD, as TCP does it).
 *
 * @returns what stops it, and waits for the messages that are being worked on
 */
export function consume({
  queue,
  handle,
  concurrency,
  visibilityMs = 60_000,
  onFailure,
}: ConsumeOptions): () => Promise<void> {
  const stopping = new AbortController()
  const running = new Set<Promise<void>>()
  let width = concurrency

  async function work(delivery: Delivery): Promise<void> {
    const isDone = await handleDelivery(delivery, { queue, handle, visibilityMs, onFailure })
    if (isDone) await queue.remove(delivery).catch(onFailure)
    width = isDone ? Math.min(concurrency, width + 1) : Math.ceil(width / 2)
  }
  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (running.size >= width) {
        await Promise.race(running)
        continue
      }
      try {
        const limit = Math.min(10, width - running.size)
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
