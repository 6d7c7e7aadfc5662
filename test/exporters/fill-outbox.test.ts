import { afterEach, beforeEach, expect, test } from 'vitest'
import { fillOutbox } from '#shared/exporters/fill-outbox.ts'
import type { Measure } from '#shared/exporters/sink.ts'
import { hourMs } from '#shared/exporters/usage-record.ts'
import {
  minuteMs,
  openBooks,
  openTenant,
  recordsOf,
  sell,
  start,
  sum,
  toldOf,
} from './exporter-samples.ts'

let books: ReturnType<typeof openBooks>
beforeEach(() => {
  books = openBooks(start)
})
afterEach(() => books.close())

const fill = (time: number, changes: { pageSize?: number; measures?: Measure[] } = {}) => {
  const { ledger, outbox } = books
  const { pageSize = 1_000, measures } = changes
  const audience = toldOf('cus_1', measures)
  return fillOutbox({ ledger, outbox, sink: 'stripe', ...audience, now: () => time, pageSize })
}
const frozenOf = async (tenant: string) =>
  (await recordsOf(books.outbox, 'stripe', tenant)).map(
    ({ hour, meter, sequence, quantity }) =>
      `${(hour - start) / hourMs} ${meter} ${sequence} ${quantity}`,
  )

test('freezes of each closed hour, tenant and meter what was charged', async () => {
  const [a, b] = [await openTenant(books.ledger), await openTenant(books.ledger)]
  await sell(books.ledger, a, { at: start, amount: 5n, rows: 3 })
  await sell(books.ledger, a, { at: start + hourMs - 1, amount: 6n, rows: 4 })
  await sell(books.ledger, a, { at: start + hourMs, amount: 7n })
  await sell(books.ledger, b, { at: start + 5, amount: 1n })
  const measures: Measure[] = ['calls', 'rows', 'micros']
  expect(await fill(start + 2 * hourMs + 10 * minuteMs, { measures })).toBe(9)
  expect(new Set(await frozenOf(a))).toEqual(
    new Set([
      '0 calls 0 2',
      '0 rows 0 7',
      '0 micros 0 11',
      '1 calls 0 1',
      '1 rows 0 1',
      '1 micros 0 7',
    ]),
  )
  expect(await frozenOf(b)).toHaveLength(3)
})

test('leaves an hour alone until its grace is over', async () => {
  const tenant = await openTenant(books.ledger)
  await sell(books.ledger, tenant, { at: start })
  expect(await fill(start + hourMs + 10 * minuteMs - 1)).toBe(0)
  expect(await fill(start + hourMs + 10 * minuteMs)).toBe(2)
})

test('freezes nothing twice, however often and by however many it is run', async () => {
  const tenant = await openTenant(books.ledger)
  for (let call = 0; call < 7; call += 1) {
    await sell(books.ledger, tenant, { at: start + call * 20 * minuteMs })
  }
  const time = start + 5 * hourMs
  await Promise.all([fill(time), fill(time, { pageSize: 1 }), fill(time, { pageSize: 3 })])
  await fill(time + hourMs)
  const calls = (await recordsOf(books.outbox, 'stripe', tenant)).filter((r) => r.meter === 'calls')
  expect(sum(calls.map(({ quantity }) => quantity))).toBe(7n)
  expect(calls).toHaveLength(3)
})

test('makes a record of its own of what comes late, and leaves the first as it was', async () => {
  const tenant = await openTenant(books.ledger)
  await sell(books.ledger, tenant, { at: start + 1 })
  await fill(start + 2 * hourMs)
  await sell(books.ledger, tenant, { at: start + 2, amount: 90n })
  await fill(start + 3 * hourMs)
  await sell(books.ledger, tenant, { at: start + 3, amount: 900n })
  await fill(start + 4 * hourMs)
  expect((await frozenOf(tenant)).filter((text) => text.includes('micros'))).toEqual([
    '0 micros 0 10',
    '0 micros 1 90',
    '0 micros 2 900',
  ])
})

test('counts no call that was charged nothing', async () => {
  const tenant = await openTenant(books.ledger)
  await sell(books.ledger, tenant, { at: start, amount: 0n })
  expect(await fill(start + 2 * hourMs)).toBe(0)
})

test('tells a sink nothing of tenants who are nobody to it, and nothing from before their time', async () => {
  const [customer, stranger] = [await openTenant(books.ledger), await openTenant(books.ledger)]
  for (const tenant of [customer, stranger]) {
    await sell(books.ledger, tenant, { at: start })
    await sell(books.ledger, tenant, { at: start + 30 * minuteMs })
  }
  const { ledger, outbox } = books
  const customerOf = (tenant: string) =>
    tenant === customer ? { id: 'cus_1', since: start + 1 } : undefined
  const { meters } = toldOf('cus_1', ['calls'])
  const now = () => start + 2 * hourMs
  await fillOutbox({ ledger, outbox, sink: 'stripe', meters, customerOf, now })
  expect(await frozenOf(customer)).toEqual(['0 calls 0 1'])
  expect(await frozenOf(stranger)).toEqual([])
})

test('adds what was carried into an hour to what that hour sold, once', async () => {
  const tenant = await openTenant(books.ledger)
  await sell(books.ledger, tenant, { at: start })
  await sell(books.ledger, tenant, { at: start + 2 * hourMs })
  await fill(start + 2 * hourMs, { measures: ['micros'] })
  const [record] = await recordsOf(books.outbox, 'stripe', tenant)
  if (record) {
    await books.outbox.mark(record, { state: 'carried', carriedInto: start + 2 * hourMs })
  }
  for (const hours of [4, 4, 5, 6]) await fill(start + hours * hourMs, { measures: ['micros'] })
  expect(await frozenOf(tenant)).toEqual(['0 micros 0 10', '2 micros 0 20'])
})

test('makes a record of what was carried into an hour that sold nothing', async () => {
  const tenant = await openTenant(books.ledger)
  await sell(books.ledger, tenant, { at: start })
  await fill(start + 2 * hourMs, { measures: ['micros'] })
  const [record] = await recordsOf(books.outbox, 'stripe', tenant)
  if (record) {
    await books.outbox.mark(record, { state: 'carried', carriedInto: start + 9 * hourMs })
  }
  for (const hours of [8, 12, 13]) await fill(start + hours * hourMs, { measures: ['micros'] })
  expect(await frozenOf(tenant)).toEqual(['0 micros 0 10', '9 micros 0 10'])
})

test('goes on where it stopped, after a crash at any call of the store', async () => {
  const tenant = await openTenant(books.ledger)
  for (let call = 0; call < 6; call += 1) {
    await sell(books.ledger, tenant, { at: start + call * 40 * minuteMs, amount: BigInt(call + 1) })
  }
  const { ledger, outbox } = books
  let crashes = 0
  for (let point = 0; ; point += 1) {
    let calls = 0
    const crashing = new Proxy(outbox, {
      get:
        (target, name: keyof typeof outbox) =>
        async (...parameters: never[]) => {
          const result = await Reflect.apply(target[name], target, parameters)
          calls += 1
          if (calls > point) throw new Error('crash')
          return result
        },
    })
    const now = () => start + 6 * hourMs
    const options = { ledger, outbox: crashing, sink: `sink-${point}`, now }
    const ended = await fillOutbox({ ...options, ...toldOf('cus_1') }).then(
      () => true,
      () => false,
    )
    await fillOutbox({ ...options, outbox, ...toldOf('cus_1') })
    const frozen = await recordsOf(outbox, `sink-${point}`, tenant)
    const total = (meter: string) =>
      sum(frozen.filter((record) => record.meter === meter).map(({ quantity }) => quantity))
    expect([total('calls'), total('micros')]).toEqual([6n, 21n])
    if (ended) break
    crashes += 1
  }
  expect(crashes).toBeGreaterThan(10)
})
