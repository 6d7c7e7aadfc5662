import { ServiceError } from '#shared/errors/service-error.ts'
import type { Handled, Pressure } from './batch-services.ts'
import { pressureOf } from './pressure-of.ts'
import type { Delivery, Queue } from './queue.ts'

export interface DeliveryOptions {
  readonly queue: Pick<Queue, 'hide'>
  readonly handle: (body: string, receives: number) => Promise<Handled>
  /** The message is hidden for so long, and again while it is being worked on. */
  readonly visibilityMs: number
  /** Told of what `handle` or the queue threw; the message comes again. */
  readonly onFailure: (cause: unknown) => void
  /** From 0 to 1: what was throttled together must not come back together. */
  readonly chance?: () => number
}

export interface Delivered {
  /** It is done with, and can be removed. */
  readonly isDone: boolean
  readonly pressure?: Pressure | undefined
}

/** What is done with one delivered message. */
export async function handleDelivery(
  delivery: Delivery,
  { queue, handle, visibilityMs, onFailure, chance = Math.random }: DeliveryOptions,
): Promise<Delivered> {
  const beating = setInterval(
    () => void queue.hide(delivery, visibilityMs).catch(onFailure),
    visibilityMs / 3,
  ).unref()
  try {
    const handled = await handle(delivery.body, delivery.receives)
    if (handled === 'done') return { isDone: true }
    const { againAfterMs, pressure } = handled
    const spread = pressure === 'throttled' ? 1 + chance() : 1
    await queue.hide(delivery, Math.round(againAfterMs * spread))
    return { isDone: false, pressure }
  } catch (cause) {
    onFailure(cause)
    // It comes again by itself when its time is over, whatever becomes of this.
    await queue.hide(delivery, 1_000).catch(() => undefined)
    return { isDone: false, pressure: pressureOf(ServiceError.from(cause).code) }
  } finally {
    clearInterval(beating)
  }
}
