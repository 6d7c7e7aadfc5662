import { expect, onTestFinished, test, vi } from 'vitest'
import { keepWarm } from '#shared/endpoints/keep-warm.ts'
import { createMemoryWarmth } from '#shared/jobs/stores/memory-warmth.ts'

test('a model is warm as long as its process lives, and soon no more, whatever fails on the way', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const warmth = createMemoryWarmth()
  const warned: string[] = []
  let opened = 0
  const stop = keepWarm('iris@1', {
    async openJobs() {
      opened += 1
      if (opened === 2) throw new Error('The store does not answer.')
      return { warmth, warmMs: 300_000 }
    },
    logger: { warn: (message) => void warned.push(message) },
  })
  for (let minute = 0; minute < 12; minute += 1) {
    await vi.advanceTimersByTimeAsync(60_000)
    expect(await warmth.isWarm('iris@1')).toBe(true)
  }
  expect(warned).toHaveLength(1)
  await stop()
  await vi.advanceTimersByTimeAsync(300_000)
  expect(await warmth.isWarm('iris@1')).toBe(false)
})
