import { afterEach, beforeEach, expect, test } from 'vitest'
import { exportOutbox } from '#shared/exporters/export-outbox.ts'
import { resolveRecord } from '#shared/exporters/resolve-record.ts'
import type { Sink } from '#shared/exporters/sink.ts'
import { hourMs } from '#shared/exporters/usage-record.ts'
import { answer } from '#test/servers/faulty-http-server.ts'
import { minuteMs, newRecord, openBooks, recordsOf, start } from './exporter-samples.ts'
import { type SinkWorld, sinkWorlds } from './sink-worlds.ts'

let books: ReturnType<typeof openBooks>
let worlds: SinkWorld[] = []
beforeEach(() => {
  books = openBooks(start + hourMs)
})
afterEach(async () => {
  for (const world of worlds) await world.stop()
  worlds = []
  await books.close()
})

async function open(name: string, customer: string) {
  const world = await sinkWorlds[name]?.(books.now)
  if (!world) throw new Error('There is no such sink.')
  worlds.push(world)
  const record = newRecord({ sink: name, customer })
  await books.outbox.add(record)
  const run = (sink: Sink = world.export.sink) =>
    exportOutbox({ outbox: books.outbox, sink, now: books.now, random: () => 0.999 })
  const look = async () => (await recordsOf(books.outbox, name, record.tenant))[0]
  return { world, record, run, look }
}

test('tries again ever more rarely, at least every quarter of an hour', async () => {
  const { world, run, look } = await open('cloud-events', 'acme')
  world.always(answer(503))
  const pauses: number[] = []
  for (let attempt = 1; attempt <= 8; attempt += 1) {
    expect(await run()).toMatchObject({ sent: 0, retried: 1, lastReason: '503' })
    expect(await run()).toMatchObject({ retried: 0 })
    const { nextAttemptAt = 0, attempts } = (await look()) ?? {}
    expect(attempts).toBe(attempt)
    pauses.push(Math.round((nextAttemptAt - books.clock.time) / 1_000))
    books.clock.time = nextAttemptAt
  }
  expect(pauses).toEqual([30, 60, 120, 240, 480, 900, 900, 900])
  world.always(undefined)
  expect(await run()).toMatchObject({ sent: 1 })
})

test('says before each attempt that the sink may have the record', async () => {
  const { world, run, look } = await open('cloud-events', 'acme')
  let seen: Awaited<ReturnType<typeof look>>
  const { sink } = world.export
  const send: Sink['send'] = async (records, now) => {
    seen = await look()
    return sink.send(records, now)
  }
  await run({ ...sink, send })
  expect(seen).toMatchObject({ attempts: 1, uncertainSince: books.clock.time })
  expect(await look()).toMatchObject({ state: 'sent', attempts: 1 })
})

test('has no doubt about an attempt that was turned away, and keeps an older one', async () => {
  const { world, run, look } = await open('cloud-events', 'acme')
  world.plan(answer(429), answer(503), answer(429))
  await run()
  expect((await look())?.uncertainSince).toBeUndefined()
  books.clock.time += hourMs
  const doubtful = books.clock.time
  await run()
  books.clock.time += hourMs
  await run()
  expect(await look()).toMatchObject({ uncertainSince: doubtful, attempts: 3, reason: '429' })
})

test('marks what the sink refuses, and sends it when the cause was mended', async () => {
  const { world, record, run, look } = await open('cloud-events', 'acme')
  world.plan(answer(404, 'no such place'))
  expect(await run()).toMatchObject({ failed: [record.id], sent: 0 })
  expect(await look()).toMatchObject({ state: 'failed', reason: '404 no such place' })
  books.clock.time += 99 * hourMs
  expect(await run()).toMatchObject({ sent: 0 })
  const { outbox, now } = books
  await resolveRecord({ outbox, sink: 'cloud-events', id: record.id, found: 'absent', now })
  expect(await run()).toMatchObject({ sent: 1 })
  const again = { outbox, sink: 'cloud-events', id: record.id, found: 'present' } as const
  await expect(resolveRecord(again)).rejects.toMatchObject({ code: 'resource_not_found' })
})

test('does not send past the window of a receiver that shows nothing, and says so', async () => {
  const { world, record, run, look } = await open('cloud-events', 'acme')
  const sink = { ...world.export.sink, dedupeWindowMs: 24 * hourMs }
  world.plan(answer(503, '', true))
  await run(sink)
  books.clock.time += 24 * hourMs
  expect(await run(sink)).toMatchObject({ needReconciliation: [record.id] })
  expect(world.received).toHaveLength(1)
  expect(await look()).toMatchObject({
    state: 'needs-reconciliation',
    reason: 'cloud-events does not show what it has.',
  })
})

test('sends again past the window what is not in the books of the sink', async () => {
  const { world, run } = await open('stripe', 'cus_1')
  world.plan(answer(503))
  await run()
  books.clock.time += 30 * hourMs
  expect(await run()).toMatchObject({ sent: 1 })
  expect(world.billed('calls')).toBe(7)
})

test('keeps the doubt about an attempt that the books may not show yet', async () => {
  const { world, run, look } = await open('stripe', 'cus_1')
  world.plan(answer(503))
  await run()
  books.clock.time += 22 * hourMs + 50 * minuteMs
  // This one lands, and Stripe's summaries lag: they do not show it yet.
  world.plan(answer(503, '', true))
  await run()
  const landed = books.clock.time
  books.clock.time += 20 * minuteMs
  const { sink } = world.export
  world.plan(answer(429))
  await run({ ...sink, find: async () => ({ kind: 'absent' }) })
  expect(await look()).toMatchObject({ state: 'pending', uncertainSince: landed })
  books.clock.time += 30 * hourMs
  expect(await run()).toMatchObject({ sent: 1 })
  expect(world.billed('calls')).toBe(7)
})

test('waits where the books of the sink cannot be read', async () => {
  const { world, run, look } = await open('stripe', 'cus_1')
  world.plan(answer(503, '', true))
  await run()
  books.clock.time += 30 * hourMs
  world.plan(answer(500))
  expect(await run()).toMatchObject({ sent: 0, retried: 1 })
  expect(await look()).toMatchObject({ state: 'pending', attempts: 1 })
  books.clock.time += hourMs
  expect(await run()).toMatchObject({ sent: 1 })
  expect(world.lines()).toBe(1)
})

test('carries into the open hour what is too late for the sink and surely not there', async () => {
  const { world, run, look } = await open('marketplace', '111122223333')
  books.clock.time = start + 6 * hourMs + 5 * minuteMs
  expect(await run()).toMatchObject({ carried: 1, sent: 0 })
  expect(await look()).toMatchObject({ state: 'carried', carriedInto: start + 6 * hourMs })
  expect(world.received).toHaveLength(0)
})

test('asks a person where a record is too late and may be there', async () => {
  const { world, record, run } = await open('marketplace', '111122223333')
  world.plan(answer(500, '', true))
  await run()
  books.clock.time += 8 * hourMs
  expect(await run()).toMatchObject({ needReconciliation: [record.id], carried: 0 })
  expect(world.received).toHaveLength(1)
})

test('asks a person where the sink has another quantity in its place', async () => {
  const { record, run, look } = await open('marketplace', '111122223333')
  // As if somebody else had metered the same hour by another program.
  const foreign = { ...newRecord({ ...record, tenant: 'other' }), quantity: 1n }
  await run()
  await books.outbox.add(foreign)
  expect(await run()).toMatchObject({ needReconciliation: [foreign.id] })
  expect(await look()).toMatchObject({ state: 'sent' })
})

test('ends a pass after three calls that do not get through', async () => {
  const { world, run } = await open('cloud-events', 'acme')
  for (let index = 0; index < 20; index += 1) {
    await books.outbox.add(newRecord({ sink: 'cloud-events', customer: 'acme' }))
  }
  world.always(answer(503))
  await run()
  expect(world.received).toHaveLength(3)
  world.always(undefined)
  expect(await run()).toMatchObject({ sent: 18 })
})

test('begins no call after its deadline', async () => {
  const { world, run: _, look } = await open('cloud-events', 'acme')
  const { outbox, now } = books
  const late = { outbox, sink: world.export.sink, now, deadline: now() }
  expect(await exportOutbox(late)).toMatchObject({ sent: 0 })
  expect(await look()).toMatchObject({ state: 'pending', attempts: 0 })
})
