import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import type { Queue } from '#shared/batch/queue.ts'
import { createSqliteQueue } from '#shared/batch/stores/sqlite-queue.ts'
import { refusal } from '#test/support/refusal.ts'
import { bodies, describeQueue, drain, messagesOf } from './queue-contract.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-queue-'))
afterAll(() => rmSync(directory, { recursive: true }))

let made = 0
let time = 1_795_392_000_000
const opened: Queue[] = []
afterEach(async () => {
  for (const queue of opened.splice(0)) await queue.close()
})

const freshPath = () => join(directory, `${++made}.sqlite`)
function open(path = freshPath(), name = 'score') {
  const queue = createSqliteQueue({ path, name, maxReceives: 3, now: () => time })
  opened.push(queue)
  return queue
}
const visibilityMs = 30_000

describe('a queue in SQLite', () => {
  describeQueue({
    open,
    pass: (ms) => {
      time += ms
    },
  })

  test('serves tenants in turn, however many messages one of them has', async () => {
    const queue = open()
    await queue.send(messagesOf('many', 2_500))
    await queue.send(messagesOf('few', 3))
    await queue.send(messagesOf('some', 5))
    const order: string[] = []
    for (const limit of [4, 1, 6]) {
      const taken = await queue.receive({ limit, visibilityMs })
      order.push(...taken.map(({ body }) => body.split(' ')[0] ?? ''))
    }
    const round = ['many', 'few', 'some']
    expect(order).toEqual([...round, ...round, ...round, 'many', 'some'])
  })

  test('serves a tenant who sends one message after the other no more often than others', async () => {
    const queue = open()
    await queue.send(messagesOf('many', 20))
    const order: string[] = []
    for (let round = 0; round < 10; round += 1) {
      await queue.send([{ body: 'eager', group: 'eager' }])
      const [delivery] = await queue.receive({ limit: 1, visibilityMs })
      if (!delivery) throw new Error()
      order.push(delivery.body.split(' ')[0] ?? '')
      await queue.remove(delivery)
    }
    expect(order.filter((name) => name === 'many')).toHaveLength(5)
  })

  test('delivers the messages of one tenant in the order in which they were sent', async () => {
    const queue = open()
    const sent = messagesOf('tenant', 40)
    await queue.send(sent)
    expect((await drain(queue)).map(({ body }) => body)).toEqual(sent.map(({ body }) => body))
  })

  test('never takes the receipt of an earlier delivery for one of a later', async () => {
    const queue = open()
    await queue.send(messagesOf('tenant', 1))
    const [early] = await queue.receive({ limit: 1, visibilityMs })
    time += visibilityMs
    const [late] = await queue.receive({ limit: 1, visibilityMs })
    if (!early || !late) throw new Error()
    await queue.remove(early)
    await queue.hide(early, 0)
    expect(await drain(queue)).toEqual([])
    time += visibilityMs
    expect((await drain(queue)).map(({ receives }) => receives)).toEqual([3])
    // Nor after a redrive, which counts from one again.
    time += visibilityMs
    expect(await queue.redrive()).toBe(1)
    const [fresh] = await drain(queue)
    expect(fresh?.receives).toBe(1)
    await queue.remove(early)
    time += visibilityMs
    expect(bodies(await drain(queue))).toEqual(['tenant 0'])
  })

  test('shares its file with other queues, and keeps their messages apart', async () => {
    const path = freshPath()
    const [plan, score] = [open(path, 'plan'), open(path, 'score')]
    await plan.send(messagesOf('planned', 2))
    await score.send(messagesOf('scored', 3))
    expect(bodies(await drain(score))).toEqual(['scored 0', 'scored 1', 'scored 2'])
    expect(bodies(await drain(plan))).toEqual(['planned 0', 'planned 1'])
  })

  test('keeps its messages when it is opened anew', async () => {
    const path = freshPath()
    const before = open(path)
    await before.send(messagesOf('tenant', 3))
    const [first] = await before.receive({ limit: 1, visibilityMs })
    await before.close()
    const after = open(path)
    expect(bodies(await drain(after))).toEqual(['tenant 1', 'tenant 2'])
    if (first) await after.remove(first)
    time += visibilityMs
    expect((await drain(after)).length).toBe(2)
  })

  test('wakes those who wait for what another connection sends', async () => {
    const path = freshPath()
    const waiting = open(path).receive({ limit: 1, visibilityMs, waitMs: 10_000 })
    await open(path).send(messagesOf('tenant', 1))
    expect(bodies(await waiting)).toEqual(['tenant 0'])
  })

  test('lets those go who wait when it is closed', async () => {
    const queue = open()
    const waiting = queue.receive({ limit: 1, visibilityMs, waitMs: 60_000 })
    await queue.close()
    await queue.close()
    expect(await waiting).toEqual([])
  })

  test('says that the store is unavailable where the file is no database', async () => {
    expect(() => open(directory)).toThrow(refusal('store_unavailable'))
  })

  test('is for the eyes of its owner alone', () => {
    const path = freshPath()
    open(path)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })
})
