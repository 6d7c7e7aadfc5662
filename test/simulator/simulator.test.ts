import { expect, test } from 'vitest'
import { runSchedules } from './run-schedules.ts'
import { runSeed } from './run-seed.ts'

// A modest part of the proof; `npm run prove` is the whole of it.
const schedules = { memory: 5_000, sqlite: 200 }
const timeout = 120_000

/** What a proof has to have seen; without it, it proved nothing. */
const mustHappen = [
  'answered',
  'replayed',
  'takeover',
  'renewed',
  'lost',
  'settle lost',
  'lease-expired',
  'in-flight',
  'mismatch',
  'gone',
  'no-credit',
  'limit',
  'input_invalid',
  'store_unavailable',
  'expiry posted',
  'expiry conflict',
  'expiry changed',
  'refund posted',
  'refund not-refundable',
  'topup duplicate',
]

test('breaks no invariant in any schedule of crashes, lost messages and wrong clocks', {
  timeout,
}, async () => {
  const { failures, events } = await runSchedules({ schedules: schedules.memory })
  expect(failures).toEqual([])
  for (const event of mustHappen) expect(events, event).toSatisfy(() => events.has(event))
})

test('does on SQLite what it does in memory, schedule by schedule', { timeout }, async () => {
  const { failures } = await runSchedules({ schedules: schedules.sqlite, target: 'sqlite' })
  expect(failures).toEqual([])
})

test('a seed is the whole schedule: it runs the same a second time', async () => {
  const trace = async () => {
    const lines: string[] = []
    await runSeed(42, { trace: lines })
    return lines
  }
  const first = await trace()
  expect(first.length).toBeGreaterThan(20)
  expect(await trace()).toEqual(first)
})
