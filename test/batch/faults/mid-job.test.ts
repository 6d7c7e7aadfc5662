import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import type { Job } from '#shared/batch/job.ts'
import { cancelJob, resumeJob } from '#shared/batch/manage-job.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { openKeyStore } from '#shared/endpoints/open-key-store.ts'
import { byHand } from '../by-hand.ts'
import { aroundScore } from '../chaos/around-score.ts'
import { createLineScorer } from '../chaos/line-scorer.ts'
import { five, useSmallJobs } from '../small-jobs.ts'

vi.setConfig({ testTimeout: 60_000 })

const small = useSmallJobs()
const { begin, end, jobOf } = small

test('an event that is late, after the file was replaced, makes a job of what is there then', async () => {
  const key = 'incoming/acme/iris/replaced.jsonl'
  await small.batch.services.objects.put(key, Buffer.from(five))
  await small.batch.services.objects.put(key, Buffer.from('"text"\n'))
  const late = await Promise.all([1, 2].map(() => receiveObject(key, small.batch.services)))
  expect(new Set(late.map((job) => job?.id)).size).toBe(1)
  expect(await end(late[0] as Job)).toMatchObject({ state: 'published', done: { results: 1 } })
})

test('messages of chunks that come twice, and in any order, charge each chunk once', async () => {
  const job = await begin(0)
  const { score } = small.batch.services.queues
  const first = await score.receive({ limit: 10, visibilityMs: 0 })
  await score.send(
    first.toReversed().flatMap(({ body }) => [
      { body, group: 'acme' },
      { body, group: 'acme' },
    ]),
  )
  // All of them at once, the first deliveries too.
  await Promise.all(Array.from({ length: 4 }, () => small.hands.work('score')))
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5, charge: 500n } })
})

test('a message whose time is over while its chunk runs is not run a second time beside it', async () => {
  const running = Promise.withResolvers<void>()
  let runs = 0
  const slow = aroundScore(createLineScorer(), async (score) => {
    runs += 1
    await running.promise
    return score()
  })
  const job = await begin(0, {}, '"text"\n')
  const { score } = small.batch.services.queues
  const [delivery] = await score.receive({ limit: 1, visibilityMs: 60_000 })
  const late = byHand(small.batch.services, slow)
  if (delivery) await score.hide(delivery, 0)
  const first = late.work('score', 1)
  await expect.poll(() => runs).toBe(1)
  // Its message is visible again, and another worker takes it.
  await score.send([{ body: delivery?.body ?? '', group: 'acme' }])
  await late.work('score', 1)
  expect(runs).toBe(1)
  expect((await jobOf(job)).state).toBe('scoring')
  running.resolve()
  await first
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 1, charge: 100n } })
})

describe('a key that is revoked while its job is scored', () => {
  test('begins no chunk more, and what had run is paid and can be had', async () => {
    const environment = readEnvironment({ PERCALL_HOME: small.batch.home })
    const keyStore = await openKeyStore(environment)
    const manager = createKeyManager({
      keyStore,
      pepper: 'a pepper for tests, and for nothing else',
      tenant: 'acme',
    })
    const made = await manager.create({ name: 'tests', mode: 'live', scopes: ['predict'] })
    const keyId = made.summary.id
    const job = await begin(2, { keyId })
    await manager.revoke(keyId)
    await small.hands.workAll()
    expect(await jobOf(job)).toMatchObject({
      state: 'paused',
      problems: [{ code: 'api_key_revoked' }],
      done: { results: 2, charge: 200n },
    })
    // To ask again does not help; only what is finished is left.
    await resumeJob(await jobOf(job), small.batch.services)
    await small.hands.workAll()
    expect((await jobOf(job)).state).toBe('paused')
    await cancelJob(await jobOf(job), small.batch.services)
    expect(await end(job)).toMatchObject({ state: 'cancelled', done: { charge: 200n } })
    keyStore.close?.()
  })
})

test.each([1, 2, 5])(
  'a cap of any amount is kept where chunks have %i records, and raising it ends the job',
  async (records) => {
    const total = 500
    const amounts = Array.from({ length: 6 }, (_, count) =>
      [-1, 0, 1].map((by) => count * 100 + by),
    )
    for (const amount of amounts.flat().filter((each) => each >= 0)) {
      const changes = { chunkSizes: { bytes: () => 9 * records, parquetRows: 2, listBytes: 100 } }
      const maxCharge = BigInt(amount)
      const { id } = await small.batch.order({ model: 'iris', maxCharge }, five)
      await small.hands.work('plan', 1, changes)
      await small.hands.workAll()
      const stopped = await jobOf({ id })
      expect(stopped.done.charge, `cap ${amount}`).toBeLessThanOrEqual(maxCharge)
      expect(stopped.state, `cap ${amount}`).toBe(amount < total ? 'paused' : 'published')
      if (amount >= total) continue
      const left = amount - Number(stopped.done.charge)
      expect(left, `cap ${amount}: a whole chunk could be paid`).toBeLessThan(records * 100)
      await resumeJob(stopped, small.batch.services, { raisedCharge: BigInt(total) })
      expect(await end(stopped), `cap ${amount}`).toMatchObject({
        state: 'published',
        done: { results: 5, charge: 500n },
      })
    }
  },
)

test('another process that holds the lock of the database costs time and nothing else', async () => {
  const job = await begin(1)
  const holder = spawn(
    process.execPath,
    [
      '-e',
      `const database = new (require('node:sqlite').DatabaseSync)(process.argv[1])
       database.exec('BEGIN IMMEDIATE')
       console.log('locked')
       process.stdin.once('data', () => { database.exec('ROLLBACK'); process.exit() })`,
      join(small.batch.home, 'batch.sqlite'),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  await once(holder.stdout, 'data')
  // Longer than anybody waits for a lock: what is asked meanwhile fails, and is asked again.
  await expect(
    small.batch.services.jobs.change(job.id, ['scoring'], { at: 1 }),
  ).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  holder.stdin.write('\n')
  await once(holder, 'close')
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5, charge: 500n } })
})
