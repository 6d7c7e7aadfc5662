import { describe, expect, test } from 'vitest'
import type { Account, Ledger, LedgerEntry, RequestRecord } from '#shared/metering/ledger.ts'
import { type AuditOptions, auditLedger, readEntries } from './audit.ts'
import {
  day,
  newCounter,
  newReservation,
  newTopUp,
  openAccount,
  releaseOf,
  settlementOf,
  start,
} from './ledger-samples.ts'
import { createMemoryLedger } from './memory-ledger.ts'

const counter = newCounter({ kind: 'spend', limit: 20n })
const now = start + 60_000

/** A tenant with a charge, a refund, a void, an expiry and a hold that runs; all as it should be. */
async function openBusyLedger() {
  const ledger = createMemoryLedger()
  const tenant = await openAccount(ledger, 100n)
  const make = () => newReservation(tenant, { counters: [counter] })
  const [sold, failed, running] = [make(), make(), make()]
  for (const asked of [sold, failed]) await ledger.reserve(asked)
  const answer = { ...settlementOf(sold).answer, expiresAt: start + 2 * day }
  await ledger.settle(settlementOf(sold, { charge: 8n, answer }))
  await ledger.release(releaseOf(failed))
  await ledger.reserve(running)
  const refund = { type: 'refund', id: 'refund', reference: sold.requestKey } as const
  await ledger.post(newTopUp(tenant, 3n, refund))
  await ledger.post(newTopUp(tenant, 5n, { type: 'expiry', id: 'expiry', reference: undefined }))
  const entries = await readEntries(ledger, tenant, 100)
  return { ledger, tenant, sold, failed, running, entries }
}

type Busy = Awaited<ReturnType<typeof openBusyLedger>>

test('finds nothing wrong with a ledger that is as it should be', async () => {
  const { ledger, tenant, sold, failed, running, entries } = await openBusyLedger()
  const requests = [sold, failed, running]
  const options = { now, requests, delivered: [sold], seen: entries }
  expect(await auditLedger(ledger, options)).toEqual([])
  await ledger.release(releaseOf(running))
  expect(await auditLedger(ledger, { ...options, atRest: true, tenants: [tenant] })).toEqual([])
})

test('lets answers go that have expired, and the charge alone stay', async () => {
  const { ledger, sold } = await openBusyLedger()
  const find: Ledger['find'] = async (tenant, key) =>
    key === sold.requestKey ? undefined : ledger.find(tenant, key)
  const options = { now: start + 3 * day, sweepMs: 9 * day }
  expect(await auditLedger({ ...ledger, find }, options)).toEqual([])
})

describe('finds that', () => {
  const plant = (
    what: string,
    rule: string,
    change: (busy: Busy) => Partial<Ledger>,
    options: (busy: Busy) => Partial<AuditOptions> = () => ({}),
  ) =>
    test(`${what} (${rule})`, async () => {
      const busy = await openBusyLedger()
      const ledger = { ...busy.ledger, ...change(busy) }
      const violations = await auditLedger(ledger, { now, ...options(busy) })
      expect(violations.map((violation) => violation.rule)).toContain(rule)
    })

  plant('a charge has lost its answer to a void', 'I1', changeFound({ state: 'void' }))
  plant('the stored charge is another one than the entry', 'I1', changeFound({ charge: 7n }))
  plant('an answer is stored without a charge', 'I1', dropEntry('charge'), ({ sold }) => ({
    requests: [sold],
  }))
  plant('a request was charged twice', 'I2', addEntry('charge', {}))
  plant('a charged request is gone before its answer may expire', 'I3', ({ ledger, sold }) => ({
    find: async (tenant, key) => (key === sold.requestKey ? undefined : ledger.find(tenant, key)),
  }))
  plant('a charged request has no answer', 'I3', changeFound({ answer: undefined }))
  plant('an answer expires before a day is over', 'I3', changeFound({}, start + day - 1))
  plant('an answer left without a charge', 'I3', dropEntry('charge'), ({ sold }) => ({
    delivered: [sold],
  }))
  plant('one micro too much is available', 'I4', changeAccount({ available: 88n }))
  plant('one micro is missing', 'I4', changeAccount({ available: 86n }))
  plant('a top-up was counted without its entry', 'I4', dropEntry('topup'))
  plant('a balance is negative', 'I5', changeAccount({ available: -1n }))
  plant('a counter has passed its limit', 'I5', () => ({ counters: async () => [21n] }))
  plant('a counter forgot a charge', 'I5', () => ({ counters: async () => [10n] }))
  plant('a counter is negative', 'I5', () => ({ counters: async () => [-1n] }))
  plant('a hold has no request', 'I6', changeAccount({ held: 20n, available: 77n }))
  plant(
    'a hold is left at rest',
    'I6',
    () => ({}),
    () => ({ atRest: true }),
  )
  plant(
    'a hold outlived its lease by minutes',
    'I6',
    () => ({}),
    () => ({ now: start + day }),
  )
  plant('a charge is above its hold', 'I7', changeFound({ hold: 7n }))
  plant('a hold was both settled and released', 'I7', addEntry('void', { settled: true }))
  plant('spent is not what was charged', 'I12', changeAccount({ spent: 9n, available: 86n }))
  plant('the ledger differs by how it is read', 'I12', ({ ledger }) => ({
    entries: async (query) => {
      const page = await ledger.entries(query)
      return query.limit === 7 ? { ...page, entries: page.entries.slice(1) } : page
    },
  }))
  plant(
    'an entry has changed',
    'I13',
    () => ({}),
    ({ entries }) => ({
      seen: entries.map((entry) => ({ ...entry, at: entry.at + 1 })),
    }),
  )
  plant('an entry has gone', 'I13', dropEntry('void'), ({ entries }) => ({ seen: entries }))
  plant('a refund points at no charge', 'I13', dropEntry('charge'))
  plant('refunds are above their charge', 'I13', addEntry('refund', { id: 'again', amount: 6n }))
})

function changeFound(changes: Partial<RequestRecord>, expiresAt?: number) {
  return ({ ledger, sold }: Busy): Partial<Ledger> => ({
    find: async (tenant, key) => {
      const found = await ledger.find(tenant, key)
      if (!found || key !== sold.requestKey) return found
      const answer = found.answer && expiresAt ? { ...found.answer, expiresAt } : found.answer
      return { ...found, answer, ...changes }
    },
  })
}

function changeAccount(changes: Partial<Account>) {
  return ({ ledger }: Busy): Partial<Ledger> => ({
    account: async (tenant) => {
      const account = await ledger.account(tenant)
      return account && { ...account, ...changes }
    },
  })
}

function dropEntry(type: LedgerEntry['type']) {
  return ({ ledger }: Busy): Partial<Ledger> => ({
    entries: async (query) => {
      const page = await ledger.entries(query)
      return { ...page, entries: page.entries.filter((entry) => entry.type !== type) }
    },
  })
}

/** One more like the first of its type; `settled` gives it the place of a release of the charge. */
function addEntry(
  type: LedgerEntry['type'],
  { settled = false, ...changes }: Partial<LedgerEntry> & { settled?: boolean },
) {
  return ({ ledger, sold }: Busy): Partial<Ledger> => ({
    entries: async (query) => {
      const page = await ledger.entries(query)
      const model = page.entries.find((entry) => entry.type === type)
      const id = settled ? { id: `${sold.requestKey}:${sold.fence}` } : {}
      return model && page.next === undefined
        ? { entries: [...page.entries, { ...model, ...id, ...changes }] }
        : page
    },
  })
}
