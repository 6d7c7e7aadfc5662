import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Job } from '#shared/batch/job.ts'
import { cancelJob, resumeJob } from '#shared/batch/manage-job.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import type { Scorer } from '#shared/batch/scorer.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { openKeyStore } from '#shared/endpoints/open-key-store.ts'
import { byHand, type Hands } from '../by-hand.ts'
import { createLineScorer } from '../chaos/line-scorer.ts'
import { type LocalBatch, openLocalBatch } from '../local-batch.ts'

vi.setConfig({ testTimeout: 60_000 })

let batch: LocalBatch
let hands: Hands
const chunkSizes = { bytes: () => 9, parquetRows: 2, listBytes: 100 }
beforeAll(async () => {
  batch = await openLocalBatch({ idle: true, chunkSizes })
})
afterAll(() => batch.close())
beforeEach(() => {
  hands = byHand(batch.services)
})

/** Five records of nine bytes each: a chunk each. */
const five = '"text 1"\n"text 2"\n"text 3"\n"text 4"\n"text 5"\n'

async function jobOf({ id }: Pick<Job, 'id'>): Promise<Job> {
  const job = await batch.services.jobs.find(id)
  if (!job) throw new Error('The job is gone.')
  return job
}

async function end(job: Job): Promise<Job> {
  await hands.workAll()
  const ended = await jobOf(job)
  expect(await auditJob(ended, batch.services)).toEqual([])
  return ended
}

test('an event that is late, after the file was replaced, makes a job of what is there then', async () => {
  const key = 'incoming/acme/iris/replaced.jsonl'
  await batch.services.objects.put(key, Buffer.from(five))
  await batch.services.objects.put(key, Buffer.from('"text"\n'))
  const late = await Promise.all([1, 2].map(() => receiveObject(key, batch.services)))
  expect(new Set(late.map((job) => job?.id)).size).toBe(1)
  expect(await end(late[0] as Job)).toMatchObject({ state: 'published', done: { results: 1 } })
})

test('messages of chunks that come twice, and in any order, charge each chunk once', async () => {
  const job = await batch.order({ model: 'iris' }, five)
  await hands.work('plan')
  const { score } = batch.services.queues
  const first = await score.receive({ limit: 10, visibilityMs: 0 })
  await score.send(
    first.toReversed().flatMap(({ body }) => [
      { body, group: 'acme' },
      { body, group: 'acme' },
    ]),
  )
  // All of them at once, the first deliveries too.
  await Promise.all(Array.from({ length: 4 }, () => hands.work('score')))
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5, charge: 500n } })
})

test('a message whose time is over while its chunk runs is not run a second time beside it', async () => {
  const running = Promise.withResolvers<void>()
  const lines = createLineScorer()
  let runs = 0
  const slow: Scorer = {
    ...lines,
    async open(work) {
      const chunk = await lines.open(work)
      return {
        ...chunk,
        async score() {
          runs += 1
          await running.promise
          return chunk.score()
        },
      }
    },
  }
  const job = await batch.order({ model: 'iris' }, '"text"\n')
  await hands.work('plan')
  const { score } = batch.services.queues
  const [delivery] = await score.receive({ limit: 1, visibilityMs: 60_000 })
  const late = byHand(batch.services, slow)
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
    const environment = readEnvironment({ PERCALL_HOME: batch.home })
    const keyStore = await openKeyStore(environment)
    const manager = createKeyManager({
      keyStore,
      pepper: 'a pepper for tests, and for nothing else',
      tenant: 'acme',
    })
    const made = await manager.create({ name: 'tests', mode: 'live', scopes: ['predict'] })
    const keyId = made.summary.id
    const job = await batch.order({ model: 'iris', keyId }, five)
    await hands.work('plan')
    await hands.work('score', 2)
    await manager.revoke(keyId)
    await hands.workAll()
    expect(await jobOf(job)).toMatchObject({
      state: 'paused',
      problems: [{ code: 'api_key_revoked' }],
      done: { results: 2, charge: 200n },
    })
    // To ask again does not help; only what is finished is left.
    await resumeJob(await jobOf(job), batch.services)
    await hands.workAll()
    expect((await jobOf(job)).state).toBe('paused')
    await cancelJob(await jobOf(job), batch.services)
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
      const changes = { chunkSizes: { ...chunkSizes, bytes: () => 9 * records } }
      const maxCharge = BigInt(amount)
      const { id } = await batch.order({ model: 'iris', maxCharge }, five)
      await hands.work('plan', 1, changes)
      await hands.workAll()
      const stopped = await jobOf({ id })
      expect(stopped.done.charge, `cap ${amount}`).toBeLessThanOrEqual(maxCharge)
      expect(stopped.state, `cap ${amount}`).toBe(amount < total ? 'paused' : 'published')
      if (amount >= total) continue
      const left = amount - Number(stopped.done.charge)
      expect(left, `cap ${amount}: a whole chunk could be paid`).toBeLessThan(records * 100)
      await resumeJob(stopped, batch.services, { raisedCharge: BigInt(total) })
      expect(await end(stopped), `cap ${amount}`).toMatchObject({
        state: 'published',
        done: { results: 5, charge: 500n },
      })
    }
  },
)

test('another process that holds the lock of the database costs time and nothing else', async () => {
  const job = await batch.order({ model: 'iris' }, five)
  await hands.work('plan')
  await hands.work('score', 1)
  const holder = spawn(
    process.execPath,
    [
      '-e',
      `const database = new (require('node:sqlite').DatabaseSync)(process.argv[1])
       database.exec('BEGIN IMMEDIATE')
       console.log('locked')
       process.stdin.once('data', () => { database.exec('ROLLBACK'); process.exit() })`,
      join(batch.home, 'batch.sqlite'),
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  await once(holder.stdout, 'data')
  // Longer than anybody waits for a lock: what is asked meanwhile fails, and is asked again.
  await expect(batch.services.jobs.change(job.id, ['scoring'], { at: 1 })).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  holder.stdin.write('\n')
  await once(holder, 'close')
  expect(await end(job)).toMatchObject({ state: 'published', done: { results: 5, charge: 500n } })
})
