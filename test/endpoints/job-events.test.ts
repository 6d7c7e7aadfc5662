import { expect, test } from 'vitest'
import type { Job } from '#shared/batch/job.ts'
import { watchJob } from '#shared/batch/watch-job.ts'
import { jobEvents } from '#shared/endpoints/job-events.ts'
import { newJob } from '#test/batch/job-store-contract.ts'
import { readEvents } from '#test/support/read-events.ts'

const found = (...jobs: (Job | undefined)[]) => ({
  find: async () => (jobs.length > 1 ? jobs.shift() : jobs[0]),
})
const collect = async (stream: AsyncIterable<Uint8Array>) => {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) pieces.push(piece)
  return readEvents(Buffer.concat(pieces).toString())
}
const answer = ({ state }: Job) => ({ state, note: 'two\nlines: "quoted"' })

test('tells of a job each time it has changed, and ends with it', async () => {
  const scoring = newJob({ state: 'scoring' })
  const ended = { ...scoring, state: 'published', changedAt: scoring.changedAt + 9 } as const
  const events = await collect(
    jobEvents(scoring.id, { jobs: found(scoring, scoring, ended), answer }),
  )
  expect(events.map(({ data }) => JSON.parse(data))).toEqual([answer(scoring), answer(ended)])
  expect(new Set(events.map(({ lastEventId }) => lastEventId)).size).toBe(2)
})

test('ends where there is no job any more', async () => {
  expect(await collect(jobEvents('job', { jobs: found(undefined), answer }))).toEqual([])
})

test('stops looking at once when nobody listens any more', async () => {
  const paused = newJob({ state: 'paused' })
  const events = jobEvents(paused.id, { jobs: found(paused), answer })[Symbol.asyncIterator]()
  await events.next()
  const waiting = events.next()
  await events.return?.()
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
})

test('is heard of now and then also where a job stands still, and stops when its time is over', async () => {
  const paused = newJob({ state: 'paused' })
  const sleeps: number[] = []
  const sleep = async (ms: number) => sleeps.push(ms)
  const options = { jobs: found(paused), sleep, everyMs: 10, quietMs: 40, forMs: 100 }
  const seen = []
  for await (const job of watchJob(paused.id, options)) seen.push([sleeps.length, job.state])
  expect(seen).toEqual([
    [0, 'paused'],
    [4, 'paused'],
    [8, 'paused'],
  ])
  expect(sleeps).toHaveLength(11)
})
