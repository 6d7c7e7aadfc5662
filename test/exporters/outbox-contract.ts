import { expect, test } from 'vitest'
import type { Outbox } from '#shared/exporters/outbox.ts'
import { hourMs } from '#shared/exporters/usage-record.ts'
import { fresh } from '#test/metering/ledger-samples.ts'
import { newRecord, recordsOf, start } from './exporter-samples.ts'

/** What every outbox promises. `open` gives one more connection to the same records. */
export function describeOutbox(open: () => Outbox): void {
  test('finds a record again exactly as it was added, pending and due at once', async () => {
    const outbox = open()
    const record = newRecord({ quantity: 2n ** 62n, sequence: 3 })
    expect(await outbox.add(record)).toBe(true)
    const [found] = await recordsOf(outbox, record.sink, record.tenant)
    expect(found).toMatchObject({ ...record, state: 'pending', attempts: 0 })
    expect(found?.uncertainSince).toBeUndefined()
  })

  test('never changes what was frozen', async () => {
    const outbox = open()
    const record = newRecord()
    await outbox.add(record)
    expect(await outbox.add({ ...record, quantity: 99n, customer: 'cus_2' })).toBe(false)
    expect(await recordsOf(outbox, record.sink, record.tenant)).toMatchObject([record])
  })

  test('lets exactly one of many concurrent adds have an id', async () => {
    const record = newRecord()
    const added = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        open().add({ ...record, quantity: BigInt(index + 1) }),
      ),
    )
    expect(added.filter(Boolean)).toHaveLength(1)
    const [found] = await recordsOf(open(), record.sink, record.tenant)
    expect(found?.quantity).toBe(BigInt(added.indexOf(true) + 1))
  })

  test('lets exactly one of many who mark the same version succeed', async () => {
    const outbox = open()
    const record = newRecord()
    await outbox.add(record)
    const [read] = await recordsOf(outbox, record.sink, record.tenant)
    if (!read) throw new Error('The record is gone.')
    const marks = await Promise.all(
      Array.from({ length: 8 }, (_, index) => open().mark(read, { attempts: index + 1 })),
    )
    const winners = marks.filter((mark) => mark !== undefined)
    expect(winners).toHaveLength(1)
    expect(await recordsOf(outbox, record.sink, record.tenant)).toEqual(winners)
    expect(await outbox.mark(read, { state: 'sent' })).toBeUndefined()
  })

  test('stores every part of a delivery, and forgets what is set to undefined', async () => {
    const outbox = open()
    const record = newRecord()
    await outbox.add(record)
    const [read] = await recordsOf(outbox, record.sink, record.tenant)
    if (!read) throw new Error('The record is gone.')
    const change = {
      attempts: 2,
      lastAttemptAt: 5,
      nextAttemptAt: 9,
      uncertainSince: 4,
      reason: 'x',
    }
    const marked = await outbox.mark(read, change)
    expect(marked).toEqual({ ...read, ...change, version: read.version + 1 })
    expect(await recordsOf(outbox, record.sink, record.tenant)).toEqual([marked])
    if (!marked) throw new Error('The mark did not land.')
    await outbox.mark(marked, { uncertainSince: undefined, reason: undefined })
    const [last] = await recordsOf(outbox, record.sink, record.tenant)
    expect(last).toMatchObject({ attempts: 2, lastAttemptAt: 5 })
    expect([last?.uncertainSince, last?.reason]).toEqual([undefined, undefined])
  })

  test('lists what is pending and due, the longest due first, and nothing of other sinks', async () => {
    const outbox = open()
    const sink = fresh('sink')
    const [early, late, future, sent] = [500, 900, 2_000, 100].map((due, index) => ({
      due,
      record: newRecord({ sink, hour: start + index * hourMs }),
    }))
    for (const item of [late, future, early, sent]) {
      if (!item) continue
      await outbox.add(item.record)
      const records = await recordsOf(outbox, sink, item.record.tenant)
      const read = records.find(({ id }) => id === item.record.id)
      const state = item === sent ? 'sent' : 'pending'
      if (read) await outbox.mark(read, { nextAttemptAt: item.due, state })
    }
    await outbox.add(newRecord({ sink: fresh('sink') }))
    const list = async (until: number | undefined, limit = 10) =>
      (await outbox.list({ sink, state: 'pending', until, limit })).map(({ id }) => id)
    expect(await list(900)).toEqual([early?.record.id, late?.record.id])
    expect(await list(900, 1)).toEqual([early?.record.id])
    expect(await list(undefined)).toEqual([early, late, future].map((item) => item?.record.id))
    expect(await outbox.list({ sink, state: 'failed', limit: 9 })).toEqual([])
  })

  test('lists what failed and what needs reconciliation, each by itself', async () => {
    const outbox = open()
    const sink = fresh('sink')
    for (const state of ['failed', 'needs-reconciliation'] as const) {
      const record = newRecord({ sink })
      await outbox.add(record)
      const [read] = await recordsOf(outbox, sink, record.tenant)
      if (read) await outbox.mark(read, { state, reason: state })
    }
    for (const state of ['failed', 'needs-reconciliation'] as const) {
      expect(await outbox.list({ sink, state, limit: 9 })).toMatchObject([{ state, reason: state }])
    }
    expect(await outbox.list({ sink, state: 'pending', limit: 9 })).toEqual([])
  })

  test('finds the records of some hours, and those carried into them, once each', async () => {
    const outbox = open()
    const tenant = fresh('tenant')
    const [first, second, third] = [0, 1, 2].map((hours) =>
      newRecord({ tenant, hour: start + hours * hourMs }),
    )
    for (const record of [third, first, second]) if (record) await outbox.add(record)
    const [read] = await recordsOf(outbox, 'stripe', tenant)
    if (read) await outbox.mark(read, { state: 'carried', carriedInto: start + 2 * hourMs })
    const idsOf = async (from: number, to: number) =>
      (await outbox.records({ sink: 'stripe', tenant, from, to })).map(({ id }) => id).sort()
    expect(await idsOf(start + hourMs, start + 2 * hourMs)).toEqual([second?.id])
    expect(await idsOf(start + 2 * hourMs, start + 3 * hourMs)).toEqual([first?.id, third?.id])
    expect(await idsOf(start, start + 3 * hourMs)).toEqual([first?.id, second?.id, third?.id])
    expect(await outbox.records({ sink: 'other', tenant, from: 0, to: 9e15 })).toEqual([])
  })

  test('moves a cursor forward only, each sink and tenant by itself', async () => {
    const outbox = open()
    const tenant = fresh('tenant')
    expect(await outbox.cursor('stripe', tenant)).toBeUndefined()
    await outbox.advance('stripe', tenant, start)
    await outbox.advance('stripe', tenant, start - hourMs)
    expect(await outbox.cursor('stripe', tenant)).toBe(start)
    await outbox.advance('stripe', tenant, start + hourMs)
    expect(await open().cursor('stripe', tenant)).toBe(start + hourMs)
    expect(await outbox.cursor('other', tenant)).toBeUndefined()
  })

  test('keeps tenants and sinks apart, whatever they are called', async () => {
    const outbox = open()
    const names = ['a#b', 'a%23b', 'a', "'; DROP TABLE records; --", 'é 漢 %']
    const own = fresh('sink')
    for (const tenant of names) await outbox.add(newRecord({ sink: own, tenant }))
    for (const tenant of names) {
      expect(await recordsOf(outbox, own, tenant)).toMatchObject([{ tenant }])
    }
    expect(await recordsOf(outbox, `${own}#a`, 'b')).toEqual([])
  })
}
