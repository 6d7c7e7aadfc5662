import { expect, test } from 'vitest'
import type { Job } from '#shared/batch/job.ts'
import { createPriceBook } from '#shared/metering/price-book.ts'
import { batchJobAnswer } from '#shared/protocols/batch-answers.ts'
import { newJob, start } from '#test/batch/job-store-contract.ts'

const prices = createPriceBook([
  { name: 'rows', currency: 'EUR', effectiveFrom: start, rates: { perCall: 5n } },
])
const answer = (job: Job, now = start) => batchJobAnswer(job, now, prices)
const paused = (code: string, charge: bigint) =>
  answer(
    newJob(
      {
        state: 'paused',
        problems: [{ code, message: 'The cap of this job is 0.003.' }],
        done: { chunks: 2, bytes: 100, results: 20, errors: 0, charge },
      },
      { maxCharge: 3_000n },
    ),
  )

test('says of which currency a cost is, and whether a test key pays nothing', () => {
  const [price] = prices.list()
  expect(answer(newJob({}, { priceId: price?.id ?? '', free: false }))).toMatchObject({
    currency: 'EUR',
    free: false,
  })
  // A price book may have forgotten the price of an old job.
  expect(answer(newJob({}, { priceId: 'gone', free: true }))).toMatchObject({
    currency: null,
    free: true,
  })
})

test('says how a paused job goes on, and what running chunks have left of its cap', () => {
  expect(paused('spend_cap_reached', 2_100n).fix).toMatch(/^900 micros of the cap are left/)
  expect(paused('spend_cap_reached', 3_000n).fix).toMatch(/resume with a higher/)
  expect(paused('api_key_revoked', 0n).fix).toMatch(/^POST \/v1\/batch-jobs\/.*mended/)
  expect(answer(newJob({ state: 'scoring' })).fix).toBeNull()
})

test('rounds the time left up, and its range outwards', () => {
  const job = newJob({
    state: 'scoring',
    chunks: 10,
    bytes: 1_000,
    times: { scoring: start },
    marks: [
      { at: start + 1_000, bytes: 100 },
      { at: start + 2_300, bytes: 200 },
    ],
    done: { chunks: 2, bytes: 200, results: 20, errors: 0, charge: 0n },
  })
  const { seconds_left: left, seconds_left_range: range } = answer(job, start + 2_300).progress
  expect(left).toBe(12)
  expect(range?.low).toBeLessThan(left ?? 0)
  expect(range?.high).toBeGreaterThan(left ?? 0)
  expect([range?.low, range?.high].every(Number.isInteger)).toBe(true)
})
