import { expect, test } from 'vitest'
import type { Handled } from '#shared/batch/batch-services.ts'
import { consume } from '#shared/batch/consume.ts'
import { handleDelivery } from '#shared/batch/handle-delivery.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createMemoryQueue } from './chaos/memory-queue.ts'

const delivery = { body: 'a', receipt: 'r', receives: 1 }

/** What became of one message, and how long it was hidden. */
async function deliver(handle: () => Promise<Handled>, chance = () => 0) {
  const hidden: number[] = []
  const queue = { hide: async (_: unknown, ms: number) => void hidden.push(ms) }
  const onFailure = () => undefined
  const options = { queue, handle, visibilityMs: 60_000, onFailure, chance }
  return { ...(await handleDelivery(delivery, options)), hidden }
}

test('lets what was throttled together come back at different times, and nothing else', async () => {
  const throttled = async () => ({ againAfterMs: 1_000, pressure: 'throttled' }) as const
  expect(await deliver(throttled, () => 0.25)).toMatchObject({ isDone: false, hidden: [1_250] })
  expect(await deliver(throttled, () => 0.75)).toMatchObject({ isDone: false, hidden: [1_750] })
  const held = async () => ({ againAfterMs: 1_000, pressure: 'held' }) as const
  expect(await deliver(held, () => 0.75)).toMatchObject({ pressure: 'held', hidden: [1_000] })
})

test('takes a store that does not answer for one that is throttled', async () => {
  const failing = (code: 'store_unavailable' | 'internal') => async () => {
    throw new ServiceError(code)
  }
  expect(await deliver(failing('store_unavailable'))).toMatchObject({ pressure: 'throttled' })
  expect((await deliver(failing('internal'))).pressure).toBeUndefined()
})

test('works on half as many messages at a time once a store is throttled', async () => {
  const queue = createMemoryQueue()
  await queue.send(Array.from({ length: 24 }, (_, at) => ({ body: String(at), group: 'acme' })))
  let running = 0
  let most = 0
  let isThrottled = true
  const gates: (() => void)[] = []
  const handle = async (): Promise<Handled> => {
    running += 1
    most = Math.max(most, running)
    const handled: Handled = isThrottled ? { againAfterMs: 600_000, pressure: 'throttled' } : 'done'
    await new Promise<void>((resolve) => gates.push(resolve))
    running -= 1
    return handled
  }
  const stop = consume({ queue, handle, concurrency: 8, onFailure: () => undefined })
  await expect.poll(() => gates.length).toBe(8)
  isThrottled = false
  for (const open of gates.splice(0)) open()
  await expect.poll(() => gates.length).toBe(4)
  most = 0
  // Half of them only, and none beside them until they end.
  expect(running).toBe(4)
  const stopped = stop()
  for (const open of gates.splice(0)) open()
  await stopped
  expect(most).toBeLessThanOrEqual(4)
})
