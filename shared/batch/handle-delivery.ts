import type { Handled } from './batch-services.ts'
import type { Delivery, Queue } from './queue.ts'

export interface DeliveryOptions {
  readonly queue: Pick<Queue, 'hide'>
  readonly handle: (body: string, receives: number) => Promise<Handled>
  /** The message is hidden for so long, and again while it is being worked on. */
  readonly visibilityMs: number
  /** Told of what `handle` or the queue threw; the message comes again. */
  readonly onFailure: (cause: unknown) => void
}

/** What is done with one delivered message. @returns whether it is done with, and can be removed */
export async function handleDelivery(
  delivery: Delivery,
  { queue, handle, visibilityMs, onFailure }: DeliveryOptions,
): Promise<boolean> {
  const beating = setInterval(
    () => void queue.hide(delivery, visibilityMs).catch(onFailure),
    visibilityMs / 3,
  ).unref()
  try {
    const handled = await handle(delivery.body, delivery.receives)
    if (handled === 'done') return true
    await queue.hide(delivery, handled.againAfterMs)
  } catch (cause) {
    onFailure(cause)
    // It comes again by itself when its time is over, whatever becomes of this.
    await queue.hide(delivery, 1_000).catch(() => undefined)
  } finally {
    clearInterval(beating)
  }
  return false
}
