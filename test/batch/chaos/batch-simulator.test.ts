import { expect, test } from 'vitest'
import { plainScenario } from './batch-scenario.ts'
import { simulateBatch } from './simulate-batch.ts'
import type { Mishap } from './simulated-world.ts'

// A modest part of the proof; `npm run prove` is the whole of it.
const schedules = Number(process.env.PERCALL_BATCH_SCHEDULES ?? 300)
const timeout = 60_000 + schedules * 200

test('breaks no rule in any schedule of deaths, lost replies, late messages and wrong clocks', {
  timeout,
}, async () => {
  const ends = new Map<string, number>()
  for (let seed = 1; seed <= schedules; seed += 1) {
    const { violations, job } = await simulateBatch(seed)
    expect(violations, `seed ${seed}`).toEqual([])
    const end = job?.state ?? 'none'
    ends.set(end, (ends.get(end) ?? 0) + 1)
  }
  // A proof that has not seen these has proved nothing.
  for (const state of ['published', 'cancelled', 'expired', 'failed']) {
    expect(ends.get(state), state).toBeGreaterThan(0)
  }
})

test('a seed is the whole schedule: it runs the same a second time', async () => {
  const trace = async () => {
    const lines: string[] = []
    await simulateBatch(42, { trace: lines })
    return lines
  }
  const first = await trace()
  expect(first.length).toBeGreaterThan(20)
  expect(await trace()).toEqual(first)
})

const ends = { none: 'published', cancel: 'cancelled', lose: 'failed' } as const

const sweeps: readonly { kind: Mishap['kind']; event: keyof typeof ends; name: string }[] = [
  { kind: 'death', event: 'none', name: 'killed at any await of any stage' },
  { kind: 'lost', event: 'none', name: 'failed by any one operation of a store' },
  { kind: 'unheard', event: 'none', name: 'failed by the lost reply of any one operation' },
  { kind: 'death', event: 'cancel', name: 'killed at any await while it is cancelled' },
  { kind: 'death', event: 'lose', name: 'killed at any await while it fails and is refunded' },
]

test.each(sweeps)(
  '$name, a job ends the same, and at most one chunk runs again',
  {
    timeout,
  },
  async ({ kind, event }) => {
    const scenario = plainScenario({ event: { kind: event }, eventAfterChunks: 2 })
    const whole = await simulateBatch(1, { scenario })
    expect(whole.violations).toEqual([])
    expect(whole.job?.state).toBe(ends[event])
    expect(whole.awaits).toBeGreaterThan(80)
    if (event === 'none') expect(whole.runs).toBe(whole.job?.chunks)
    const points = kind === 'death' ? whole.awaits : whole.calls
    for (let at = 1; at <= points; at += 1) {
      const mishap = { kind, at } as const
      const outcome = await simulateBatch(1, { scenario, mishap })
      expect(outcome.violations, `${kind} at ${at}`).toEqual([])
      if (event === 'none') {
        expect(outcome.job?.state, `${kind} at ${at}`).toBe('published')
        expect(outcome.runs, `${kind} at ${at}`).toBeLessThanOrEqual(whole.runs + 1)
      }
    }
  },
)
