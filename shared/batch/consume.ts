import { setTimeout as sleep } from 'node:timers/promises'
import type { Handled } from './batch-services.ts'
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
    const beating = setInterval(
      () => void queue.hide(delivery, visibilityMs).catch(onFailure),
      visibilityMs / 3,
    ).unref()
    try {
      const handled = await handle(delivery.body, delivery.receives)
      if (handled === 'done') await queue.remove(delivery)
      else await queue.hide(delivery, handled.againAfterMs)
      width = handled === 'done' ? Math.min(concurrency, width + 1) : Math.ceil(width / 2)
    } catch (cause) {
      onFailure(cause)
      // It comes again by itself when its time is over, whatever becomes of this.
      await queue.hide(delivery, 1_000).catch(() => undefined)
      width = Math.ceil(width / 2)
    } finally {
      clearInterval(beating)
    }
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
