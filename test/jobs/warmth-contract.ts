import { expect, test } from 'vitest'
import type { Warmth } from '#shared/jobs/warmth.ts'
import { fresh } from './deferred-call-store-contract.ts'

/** What is promised wherever it is kept which models are held ready. */
export function describeWarmth(open: (now: () => number) => Warmth): void {
  test('holds a model warm until the last promise is over, and no other', async () => {
    let now = 1_000_000
    const warmth = open(() => now)
    const model = fresh('model')
    expect(await warmth.isWarm(model)).toBe(false)
    await warmth.keep(model, 100)
    expect(await warmth.isWarm(model)).toBe(true)
    expect(await warmth.isWarm(`${model}2`)).toBe(false)
    // One that promises less shortens nothing.
    await warmth.keep(model, 10)
    now += 99
    expect(await warmth.isWarm(model)).toBe(true)
    await warmth.keep(model, 100)
    now += 99
    expect(await warmth.isWarm(model)).toBe(true)
    now += 1
    expect(await warmth.isWarm(model)).toBe(false)
  })
}
