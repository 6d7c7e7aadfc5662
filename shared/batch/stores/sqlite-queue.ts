import { setTimeout as delay } from 'node:timers/promises'
import { openSqliteStore, type SqliteStore } from '#shared/sqlite/sqlite-store.ts'
import type { Delivery, Message, Queue } from '../queue.ts'
import { batchMigrations } from './sqlite-batch-schema.ts'

export interface SqliteQueueOptions {
  /** The file that jobs and all queues of a machine share. */
  readonly path: string
  /** Of the queue in it, e.g. `score`. */
  readonly name: string
  /** Deliveries, after which a message is given up on. */
  readonly maxReceives?: number
  /** How often somebody who waits looks for messages that other processes have sent. */
  readonly pollMs?: number
  readonly busyTimeoutMs?: number
  readonly now?: () => number
}

/** Messages that are sent in one transaction: some milliseconds. */
const sentTogether = 1_000

/** A queue in a table: a message that is taken is hidden for a while and comes back unless removed. */
export function createSqliteQueue(options: SqliteQueueOptions): Queue {
  const { path, name, maxReceives = 5, pollMs = 200, busyTimeoutMs, now = Date.now } = options
  const store = openSqliteStore({ path, busyTimeoutMs, migrations: batchMigrations })
  const messages = openMessages(store, name, maxReceives)
  /** Ends when something was sent here, or the queue is closed. */
  let bell = new AbortController()
  let isClosed = false
  const ring = () => {
    bell.abort()
    bell = new AbortController()
  }

  return {
    async send(all) {
      for (let start = 0; start < all.length; start += sentTogether) {
        const some = all.slice(start, start + sentTogether)
        await store.write(() => {
          messages.join(new Set(some.map(({ group }) => group)))
          for (const message of some) messages.add(message, now())
        })
      }
      ring()
    },

    async receive({ limit, visibilityMs, waitMs = 0 }) {
      const deadline = performance.now() + waitMs
      while (!isClosed) {
        // Looked for outside of a transaction: who finds nothing disturbs nobody.
        const { signal } = bell
        if (await store.read(() => messages.isReady(now()))) {
          const taken = await store.writeSoon(() => messages.take(limit, now(), visibilityMs))
          if (taken.length > 0) return taken
        }
        const leftMs = deadline - performance.now()
        if (leftMs <= 0) break
        await delay(Math.min(pollMs, leftMs), undefined, { signal }).catch(() => {})
      }
      return []
    },

    async hide({ receipt }, visibilityMs) {
      await store.writeSoon(() => messages.hide(receipt, now() + visibilityMs))
      if (visibilityMs === 0) ring()
    },

    // One that comes back after a power cut is found to be done with.
    remove: ({ receipt }) => store.writeSoon(() => messages.remove(receipt)),
    deadCount: () => store.read(() => messages.deadCount(now())),

    async redrive() {
      const count = await store.write(() => messages.redrive(now()))
      ring()
      return count
    },

    async close() {
      isClosed = true
      ring()
      await store.close()
    },
  }
}

/** The table, of one queue. A receipt is the message's id and the number of the delivery. */
function openMessages({ database }: SqliteStore, queue: string, maxReceives: number) {
  const prepare = (sql: string) => database.prepare(sql)
  const add = prepare('INSERT INTO messages (queue, tenant, body, visible_at) VALUES (?, ?, ?, ?)')
  // Who is new waits for all others once, and is never ahead of them again and again.
  const join = prepare(
    `INSERT INTO turns (queue, tenant, turn)
     SELECT $queue, $tenant, coalesce(max(turn), 0) + 1 FROM turns WHERE queue = $queue
     ON CONFLICT DO NOTHING`,
  )
  const nextTenant = prepare(
    `SELECT tenant FROM turns WHERE queue = $queue AND EXISTS (
       SELECT 1 FROM messages WHERE messages.queue = turns.queue
         AND messages.tenant = turns.tenant AND spent = 0 AND visible_at <= $now)
     ORDER BY turn LIMIT 1`,
  )
  const serve = prepare(
    `UPDATE turns SET turn = (SELECT max(turn) + 1 FROM turns WHERE queue = $queue)
     WHERE queue = $queue AND tenant = $tenant`,
  )
  const take = prepare(
    `UPDATE messages SET visible_at = $visibleAt, receives = receives + 1,
       spent = receives + 1 >= $maxReceives
     WHERE id = (SELECT id FROM messages WHERE queue = $queue AND tenant = $tenant AND spent = 0
       AND visible_at <= $now ORDER BY visible_at, id LIMIT 1)
     RETURNING id, body, receives`,
  )
  const hide = prepare('UPDATE messages SET visible_at = ? WHERE id = ? AND receives = ?')
  const remove = prepare('DELETE FROM messages WHERE id = ? AND receives = ?')
  const dead = 'queue = $queue AND spent = 1 AND visible_at <= $now'
  const countDead = prepare(`SELECT count(*) AS count FROM messages WHERE ${dead}`)
  const revive = prepare(
    `INSERT INTO messages (queue, tenant, body, visible_at)
     SELECT queue, tenant, body, $now FROM messages WHERE ${dead} ORDER BY id`,
  )
  const bury = prepare(`DELETE FROM messages WHERE ${dead}`)
  const readReceipt = (receipt: string) => receipt.split('.').map(Number) as [number, number]

  function takeOne(now: number, visibilityMs: number): Delivery | undefined {
    const tenant = nextTenant.get({ queue, now })?.tenant as string | undefined
    if (tenant === undefined) return undefined
    const row = take.get({ queue, tenant, now, visibleAt: now + visibilityMs, maxReceives })
    if (!row) return undefined
    serve.run({ queue, tenant })
    const receipt = `${row.id}.${row.receives}`
    return { body: row.body as string, receipt, receives: row.receives as number }
  }

  return {
    join(tenants: Iterable<string>): void {
      for (const tenant of tenants) join.run({ queue, tenant })
    },

    add: ({ body, group, delayMs = 0 }: Message, now: number) =>
      void add.run(queue, group, body, now + delayMs),

    isReady: (now: number) => nextTenant.get({ queue, now }) !== undefined,

    take(limit: number, now: number, visibilityMs: number): Delivery[] {
      const taken: Delivery[] = []
      while (taken.length < limit) {
        const delivery = takeOne(now, visibilityMs)
        if (!delivery) break
        taken.push(delivery)
      }
      return taken
    },

    hide: (receipt: string, until: number) => void hide.run(until, ...readReceipt(receipt)),
    remove: (receipt: string) => void remove.run(...readReceipt(receipt)),
    deadCount: (now: number) => Number(countDead.get({ queue, now })?.count),

    /** As new messages: old receipts name none of them. */
    redrive(now: number): number {
      revive.run({ queue, now })
      return Number(bury.run({ queue, now }).changes)
    },
  }
}
