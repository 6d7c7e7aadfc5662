import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Job } from '#shared/batch/job.ts'
import { progressOf } from '#shared/batch/job-progress.ts'
import { restFrom, restUntil } from '#shared/batch/job-rest.ts'
import { markSlot } from '#shared/batch/progress-marks.ts'
import { createMemoryJobStore } from './chaos/memory-job-store.ts'
import { newJob, reportOf, start } from './job-store-contract.ts'

const chunkBytes = 1_000_000

/** A job that is told of chunks at given times, in milliseconds after scoring began. */
async function jobWith(
  chunks: number,
  finishedAt: readonly number[],
  order = finishedAt.map((_, at) => at),
) {
  let time = start
  const store = createMemoryJobStore({ now: () => time })
  const job = newJob({
    state: 'scoring',
    chunks,
    bytes: chunks * chunkBytes,
    times: { scoring: start },
  })
  await store.create(job)
  const seen: Job[] = []
  for (const [at, ms] of finishedAt.entries()) {
    time = start + ms
    seen.push(await store.finishChunk(job.id, reportOf(order[at] ?? at, { bytes: chunkBytes })))
  }
  return { seen, job: seen.at(-1) ?? job, store }
}
const every = (count: number, ms: number, from = 0) =>
  Array.from({ length: count }, (_, at) => from + (at + 1) * ms)

test('tells the time left by the pace of chunks, not by how long the first was in coming', async () => {
  const { job } = await jobWith(100, every(25, 50, 2_000))
  const { timeLeft } = progressOf(job, start + 3_250)
  const publishing = 0.05 * (3.25 + 75 * 0.05)
  expect(timeLeft?.seconds).toBeCloseTo(75 * 0.05 + publishing)
})

test('follows a pace that changes', async () => {
  const { job } = await jobWith(400, [...every(100, 10), ...every(100, 100, 1_000)])
  const { timeLeft } = progressOf(job, start + 11_000)
  // At the mean of the whole run 11 s would be told.
  expect(timeLeft?.seconds).toBeGreaterThan(15)
  expect(timeLeft?.high).toBeGreaterThan(20)
})

test('tells of more and more time while nothing comes any more', async () => {
  const { job } = await jobWith(100, every(50, 100))
  const told = [0, 10_000, 60_000].map(
    (late) => progressOf(job, start + 5_000 + late).timeLeft?.seconds ?? 0,
  )
  expect(told[0]).toBeCloseTo(5.5)
  expect(told[1]).toBeGreaterThan(10)
  expect(told[2]).toBeGreaterThan(60)
})

test('keeps the true time within its range nine times out of ten, whatever chunks take', async () => {
  let held = 0
  let asked = 0
  for (let seed = 1; seed <= 200; seed += 1) {
    const [workers = 1, startUp = 0] =
      fc.sample(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 3_000 })), {
        seed,
        numRuns: 1,
      })[0] ?? []
    const durations = fc.sample(fc.integer({ min: 20, max: 300 }), { seed, numRuns: 120 })
    const free = Array<number>(workers).fill(startUp)
    const ends = durations.map((ms) => {
      const next = free.indexOf(Math.min(...free))
      const end = (free[next] ?? 0) + ms
      free[next] = end
      return end
    })
    const order = ends.map((_, at) => at).sort((a, b) => (ends[a] ?? 0) - (ends[b] ?? 0))
    const times = order.map((at) => ends[at] ?? 0)
    const { seen } = await jobWith(120, times, order)
    const last = times.at(-1) ?? 0
    for (const at of [30, 60, 90]) {
      const now = times[at - 1] ?? 0
      const { timeLeft } = progressOf(seen[at - 1] ?? newJob(), start + now)
      const trueSeconds = (last - now) / 1_000
      asked += 1
      if (timeLeft && timeLeft.low <= trueSeconds && trueSeconds <= timeLeft.high) held += 1
    }
  }
  expect(held / asked).toBeGreaterThan(0.9)
})

test('never goes back, and never ends before the outputs are out', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(5_000), { minLength: 1, maxLength: 60 }), async (gaps) => {
      let at = 0
      const times = gaps.map((gap) => {
        at += gap
        return at
      })
      const { seen, store } = await jobWith(gaps.length, times)
      let before = 0
      for (const job of seen) {
        const { percent, bytesDone } = progressOf(job, start + at)
        expect(percent).toBeGreaterThanOrEqual(before)
        expect(percent).toBeLessThan(100)
        expect(bytesDone).toBe(job.done.chunks * chunkBytes)
        before = percent
      }
      for (const state of ['publishing', 'published'] as const) {
        await store.change(seen[0]?.id ?? '', ['scoring', 'publishing'], { state, at: start + at })
      }
      const job = await store.find(seen[0]?.id ?? '')
      expect(job && progressOf(job, start + at).percent).toBe(100)
    }),
    { numRuns: 50 },
  )
})

test('counts no pause into the pace, and tells no time left of a job that stands still', async () => {
  const { job, store } = await jobWith(20, every(10, 100))
  const paused = await store.change(job.id, ['scoring'], {
    state: 'paused',
    rest: restFrom(job, start + 1_000),
    at: start + 1_000,
  })
  if (!paused) throw new Error('It was not paused.')
  for (const later of [1_000, 500_000]) {
    expect(progressOf(paused, start + later)).toMatchObject({
      rowsPerSecond: 1_000,
      timeLeft: undefined,
    })
  }
  const times = { ...paused.times, publishing: start + 400_000 }
  const publishing = { ...paused, state: 'publishing', times } as const
  expect(progressOf(publishing, start + 500_000)).toMatchObject({ rowsPerSecond: 1_000 })
  const resumedAt = start + 600_000
  const resumed = await store.change(job.id, ['paused'], {
    state: 'scoring',
    ...restUntil(paused, resumedAt),
    at: resumedAt,
  })
  if (!resumed) throw new Error('It was not resumed.')
  expect(progressOf(resumed, resumedAt + 250)).toMatchObject({ rowsPerSecond: 800 })
  // Nothing was seen of its new pace yet: that of the whole run.
  expect(progressOf(resumed, resumedAt).timeLeft?.seconds).toBeCloseTo(1.1)
  const cancelling = await store.change(job.id, ['scoring'], {
    state: 'cancelling',
    at: resumedAt + 1_000,
  })
  for (const later of [1_000, 500_000]) {
    expect(cancelling && progressOf(cancelling, resumedAt + later)).toMatchObject({
      rowsPerSecond: 500,
      timeLeft: undefined,
    })
  }
})

test('adds up pauses, also of a job that is stopped in one', async () => {
  const { job } = await jobWith(20, every(10, 100))
  const first = { ...job, state: 'paused', rest: restFrom(job, 100) } as const
  const second = {
    ...job,
    state: 'paused',
    rest: restFrom({ ...job, ...restUntil(first, 150) }, 400),
  } as const
  expect(restUntil(second, 410)).toEqual({ rest: { ms: 60, since: 400, until: 410 } })
  expect(restUntil({ ...second, state: 'scoring' }, 500)).toEqual({})
})

test('keeps marks from about a quarter of what is done until now, in jobs of any size', async () => {
  for (const chunks of [8, 16, 100, 1_000, 2_500]) {
    const { job } = await jobWith(chunks, every(chunks, 1))
    const reach = (job.marks[0]?.bytes ?? 0) / job.done.bytes
    expect(job.marks.length).toBeGreaterThanOrEqual(8)
    expect(job.marks.at(-1)?.bytes).toBe(job.done.bytes)
    if (chunks > 30) expect(reach).toBeGreaterThan(0.1)
    expect(reach).toBeLessThan(0.51)
  }
})

test('has a slot for every chunk there may be', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 20), (chunk) => {
      expect([...Array(16).keys()]).toContain(markSlot(chunk))
    }),
  )
})
