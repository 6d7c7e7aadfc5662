import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { resolveRecord } from '#shared/exporters/resolve-record.ts'
import { runExporter } from '#shared/exporters/run-exporter.ts'
import { hourMs } from '#shared/exporters/usage-record.ts'
import { answer, cut, type Fault } from '#test/servers/faulty-http-server.ts'
import { minuteMs, openBooks, openTenant, sell, start } from './exporter-samples.ts'
import { type SinkWorld, sinkWorlds, waitingFor } from './sink-worlds.ts'

/** The same numbers in every run, none of them round. */
const random = () => 0.123_456_789
const passEveryMs = 30 * minuteMs

/** What is wrong while a sink is down; which requests land all the same changes from one to the next. */
const outages: Readonly<Record<string, (request: number) => Fault>> = {
  'refuses everything': () => answer(429),
  'breaks every connection, and has done every third request': (n) => cut(n % 3 === 0),
  'answers 503, and has done every fourth request': (n) => answer(503, '', n % 4 === 0),
  'has done every request, and answers 503 or breaks the connection': (n) =>
    n % 3 === 0 ? cut(true) : answer(503, '', true),
}

describe.each(Object.keys(sinkWorlds))('with %s down for 36 hours', (name) => {
  let books: ReturnType<typeof openBooks>
  let world: SinkWorld
  let tenant: string
  let sold = 0

  beforeEach(async () => {
    books = openBooks(start)
    const open = sinkWorlds[name]
    if (!open) throw new Error('There is no such sink.')
    world = await open(books.now)
    tenant = await openTenant(books.ledger)
    sold = 0
  })
  afterEach(async () => {
    await world.stop()
    await books.close()
  })

  const pass = async () => {
    const { ledger, outbox, now } = books
    const exports = [world.export]
    const [report] = await runExporter({ ledger, outbox, exports, now, random })
    expect(report?.error).toBeUndefined()
    return report
  }

  /** Time goes on; every pass but a few sees one more call. */
  async function live(hours: number, fault?: (request: number) => Fault): Promise<void> {
    const end = books.clock.time + hours * hourMs
    for (; books.clock.time < end; books.clock.time += passEveryMs) {
      if (sold % 5 !== 4) await sell(books.ledger, tenant, { at: books.clock.time, amount: 3n })
      sold += 1
      if (fault) world.always(fault(sold))
      await pass()
    }
    world.always(undefined)
  }

  /** Nothing is sold any more, and everything is reported. */
  async function drain(): Promise<void> {
    for (let passes = 0; passes < 12; passes += 1) {
      books.clock.time += hourMs
      await pass()
    }
  }

  const charged = async () => {
    const { entries } = await books.ledger.entries({ tenant, types: ['charge'], limit: 1_000 })
    return entries.length
  }

  test.each(Object.keys(outages))('loses nothing and bills nothing twice: it %s', async (how) => {
    await live(3)
    await live(36, outages[how])
    await live(3)
    await drain()
    // Where the sink shows its books to nobody, a person looks.
    const doubtful = await waitingFor(books.outbox, name)
    for (const record of doubtful) {
      expect(record.reason).toBeDefined()
      const found = world.has(record) ? 'present' : 'absent'
      await resolveRecord({
        outbox: books.outbox,
        sink: name,
        id: record.id,
        found,
        now: books.now,
      })
    }
    if (name !== 'marketplace') expect(doubtful).toEqual([])
    await drain()
    const calls = await charged()
    expect(calls).toBeGreaterThan(60)
    expect([world.billed('calls'), world.billed('micros')]).toEqual([calls, calls * 3])
    for (const state of ['pending', 'failed', 'needs-reconciliation'] as const) {
      expect(await books.outbox.list({ sink: name, state, limit: 9 })).toEqual([])
    }
  })

  test('puts few records in doubt, and leaves the rest unsent', async () => {
    await live(36, () => answer(503))
    const pending = await books.outbox.list({ sink: name, state: 'pending', limit: 1_000 })
    const carried = (await pass())?.delivery
    expect(carried?.sent).toBeGreaterThan(0)
    expect(pending.length).toBeGreaterThan(0)
    // 36 hours are 72 passes of at most three calls each.
    expect(world.received.length).toBeLessThan(72 * 3 + 100)
  })
})

test('sends nothing a second time past the window in which the sink knows it again', async () => {
  const books = openBooks(start)
  const open = sinkWorlds.stripe
  const world = await open?.(books.now)
  if (!world) throw new Error('There is no Stripe.')
  const { ledger, outbox, now } = books
  const run = () => runExporter({ ledger, outbox, exports: [world.export], now })
  await sell(ledger, await openTenant(ledger), { at: start })
  books.clock.time = start + 2 * hourMs
  world.always(answer(503, '', true))
  await run()
  expect(world.lines()).toBe(2)
  world.always(undefined)
  // By now Stripe would take the same identifiers for new events.
  books.clock.time += 30 * hourMs
  const before = world.received.length
  const [report] = await run()
  expect(report?.delivery?.sent).toBe(2)
  expect(world.lines()).toBe(2)
  const calls = world.received.slice(before) as { method: string }[]
  expect(calls.map(({ method }) => method)).not.toContain('POST')
  await world.stop()
  await books.close()
})

test('goes on with the other sinks where one cannot be worked on', async () => {
  const books = openBooks(start)
  const world = await sinkWorlds['cloud-events']?.(books.now)
  if (!world) throw new Error('There is no such sink.')
  const { ledger, outbox, now } = books
  await sell(ledger, await openTenant(ledger), { at: start })
  books.clock.time = start + 2 * hourMs
  const broken = {
    ...world.export,
    sink: { ...world.export.sink, name: 'broken' },
    customerOf: () => {
      throw new Error('broken')
    },
  }
  const reports = await runExporter({ ledger, outbox, exports: [broken, world.export], now })
  expect(reports[0]).toMatchObject({ sink: 'broken', error: new Error('broken') })
  expect(reports[1]?.delivery?.sent).toBe(2)
  await world.stop()
  await books.close()
})
