import { expect, test } from 'vitest'
import type { EntryQuery, Ledger, LedgerEntry } from '#shared/metering/ledger.ts'
import { readEntries } from './audit.ts'
import type { OpenLedger } from './ledger-contract.ts'
import {
  balanceOf,
  comparable,
  day,
  fresh,
  newReservation,
  newTopUp,
  openAccount,
  releaseOf,
  sale,
  settlementOf,
  start,
} from './ledger-samples.ts'

/** Accounts, and entries that no call writes. */
export function describeLedgerBooks(open: OpenLedger): void {
  test('keeps the settings of an account, and its balance when they change', async () => {
    const ledger = await open()
    expect(await ledger.account(fresh('nobody'))).toBeUndefined()
    const limits = {
      monthlySpend: 9_007_199_254_740_993n,
      dailyCalls: 7,
      concurrency: 3,
      rate: { perMinute: 60, burst: 10 },
    }
    const rights = { currency: 'EUR', mode: 'postpaid', limits, trusted: true } as const
    const tenant = await openAccount(ledger, 0n, { ...rights, shards: 3 })
    expect((await ledger.account(tenant))?.shards).toBe(3)
    const settings = { tenant, ...rights }
    const empty = { available: 0n, held: 0n, spent: 0n }
    expect(comparable(await ledger.account(tenant))).toEqual({ ...settings, ...empty })
    await ledger.post(newTopUp(tenant, 50n, { currency: 'EUR' }))
    await ledger.putAccount({ tenant, currency: 'EUR', mode: 'prepaid', limits: {} })
    expect(comparable(await ledger.account(tenant))).toEqual({
      ...{ tenant, currency: 'EUR', mode: 'prepaid', limits: {} },
      ...{ ...empty, available: 50n },
    })
    expect(await ledger.tenants()).toContain(tenant)
  })

  test('creates an account that is not there, and touches none that is', async () => {
    const ledger = await open()
    const tenant = fresh('tenant')
    const settings = {
      tenant,
      currency: 'USD',
      mode: 'prepaid',
      limits: { dailyCalls: 7 },
    } as const
    expect(await ledger.createAccount(settings)).toBe('created')
    await ledger.post(newTopUp(tenant, 50n))
    expect(await ledger.createAccount({ ...settings, currency: 'EUR', limits: {} })).toBe('exists')
    const empty = { available: 50n, held: 0n, spent: 0n }
    expect(comparable(await ledger.account(tenant))).toEqual({ ...settings, ...empty })
    expect(await ledger.tenants()).toContain(tenant)
  })

  test('creates one of many accounts of a tenant that are opened at once, and it is as said', async () => {
    const ledger = await open()
    const tenant = fresh('tenant')
    const currencies = ['USD', 'EUR', 'GBP', 'CHF', 'JPY', 'SEK']
    const outcomes = await Promise.all(
      currencies.map((currency) =>
        ledger.createAccount({ tenant, currency, mode: 'prepaid', limits: {} }),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
    const { currency } = (await ledger.account(tenant)) ?? {}
    expect(currency).toBe(currencies[outcomes.indexOf('created')])
  })

  test('finds an entry by its id, whoever wrote it, and of no other tenant', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n)
    const entry = newTopUp(tenant, 500n, { creditExpiresAt: start + day })
    await ledger.post(entry)
    const posted = comparable({ ...entry, spentBefore: 0n })
    expect(comparable(await ledger.entry(tenant, entry.id))).toEqual(posted)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    expect(await ledger.entry(tenant, asked.requestKey)).toBeUndefined()
    await ledger.settle(settlementOf(asked, { charge: 4n }))
    const charge = { type: 'charge', amount: 4n, at: start + 5, sale: asked.sale }
    expect(await ledger.entry(tenant, asked.requestKey)).toMatchObject(charge)
    expect(await ledger.entry(await openAccount(ledger, 0n), entry.id)).toBeUndefined()
    expect(await ledger.entry(fresh('nobody'), entry.id)).toBeUndefined()
  })

  test('lets a postpaid account call without credit, and leaves its credit alone', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 5n, { mode: 'postpaid' })
    const [sold, failed] = [newReservation(tenant), newReservation(tenant)]
    await ledger.reserve(sold)
    await ledger.reserve(failed)
    expect(await balanceOf(ledger, tenant)).toEqual([5n, 20n, 0n])
    await ledger.settle(settlementOf(sold, { charge: 7n }))
    await ledger.release(releaseOf(failed))
    expect(await balanceOf(ledger, tenant)).toEqual([5n, 0n, 7n])
  })

  test('returns a hold to where it came from when the mode of the account changed meanwhile', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const prepaid = newReservation(tenant)
    await ledger.reserve(prepaid)
    const settings = { tenant, currency: 'USD', limits: {} }
    await ledger.putAccount({ ...settings, mode: 'postpaid' })
    const postpaid = newReservation(tenant)
    await ledger.reserve(postpaid)
    await ledger.settle(settlementOf(prepaid, { charge: 4n }))
    expect(await balanceOf(ledger, tenant)).toEqual([96n, 10n, 4n])
    await ledger.putAccount({ ...settings, mode: 'prepaid' })
    await ledger.release(releaseOf(postpaid))
    expect(await balanceOf(ledger, tenant)).toEqual([96n, 0n, 4n])
  })

  test('posts a top-up once, however often it is sent', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n)
    const entry = newTopUp(tenant, 500n, { creditExpiresAt: start + day })
    expect(await ledger.post(entry)).toMatchObject({ kind: 'posted', account: { available: 500n } })
    expect(await ledger.post({ ...entry })).toMatchObject({
      kind: 'duplicate',
      account: { available: 500n },
    })
    expect(await balanceOf(ledger, tenant)).toEqual([500n, 0n, 0n])
    const { entries } = await ledger.entries({ tenant, limit: 10 })
    expect(entries.map(comparable)).toEqual([comparable({ ...entry, spentBefore: 0n })])
  })

  test('posts one of many concurrent copies of a top-up', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n)
    const entry = newTopUp(tenant, 500n)
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => ledger.post(entry)))
    expect(outcomes.filter(({ kind }) => kind === 'posted')).toHaveLength(1)
    expect(outcomes.filter(({ kind }) => kind === 'duplicate')).toHaveLength(11)
    expect(await balanceOf(ledger, tenant)).toEqual([500n, 0n, 0n])
  })

  test('refuses another entry under an id that is taken', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n)
    const entry = newTopUp(tenant, 500n)
    await ledger.post(entry)
    for (const change of [
      { amount: 501n },
      { type: 'expiry' },
      { at: start + 1 },
      { reference: 'payment-2' },
      { creditExpiresAt: start + day },
    ] as const) {
      expect(await ledger.post({ ...entry, ...change })).toEqual({ kind: 'conflict' })
    }
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked))
    expect(await ledger.post({ ...entry, id: asked.requestKey })).toEqual({ kind: 'conflict' })
    expect(await balanceOf(ledger, tenant)).toEqual([490n, 0n, 10n])
    // Of another tenant the same id is another entry.
    const other = await openAccount(ledger, 0n)
    expect(await ledger.post({ ...entry, tenant: other })).toMatchObject({ kind: 'posted' })
  })

  test('posts nothing without an account or in another currency', async () => {
    const ledger = await open()
    expect(await ledger.post(newTopUp(fresh('nobody'), 5n))).toEqual({ kind: 'no-account' })
    const tenant = await openAccount(ledger, 0n)
    expect(await ledger.post(newTopUp(tenant, 5n, { currency: 'EUR' }))).toEqual({
      kind: 'currency-mismatch',
      currency: 'USD',
    })
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 0n, 0n])
    expect(await ledger.entries({ tenant, limit: 10 })).toMatchObject({ entries: [] })
  })

  test('takes no charge, void or rejection but from a call', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    for (const type of ['charge', 'void', 'rejection'] as const) {
      await expect(ledger.post(newTopUp(tenant, 0n, { type }))).rejects.toThrow()
    }
    expect(await balanceOf(ledger, tenant)).toEqual([100n, 0n, 0n])
  })

  test('refunds a charge in parts, never beyond it, and nothing that is no charge', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked))
    const refund = (amount: bigint, reference: string | undefined = asked.requestKey) =>
      newTopUp(tenant, amount, { id: fresh('refund'), type: 'refund', reference })
    expect(await ledger.post(refund(11n))).toEqual({ kind: 'not-refundable', left: 10n })
    const first = refund(6n)
    expect(await ledger.post(first)).toMatchObject({ kind: 'posted', account: { available: 96n } })
    expect(await ledger.post(refund(5n))).toEqual({ kind: 'not-refundable', left: 4n })
    expect(await ledger.post(refund(4n))).toMatchObject({ kind: 'posted' })
    expect(await ledger.post(refund(1n))).toEqual({ kind: 'not-refundable', left: 0n })
    // Its first copy used up the room: the second is still known for what it is.
    expect(await ledger.post(first)).toMatchObject({ kind: 'duplicate' })
    for (const reference of ['nothing', first.id, undefined]) {
      const entry = { ...refund(1n), reference }
      expect(await ledger.post(entry)).toEqual({ kind: 'not-refundable', left: 0n })
    }
    expect(await balanceOf(ledger, tenant)).toEqual([100n, 0n, 10n])
  })

  test('never refunds more than the charge under concurrency', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked))
    const refunds = Array.from({ length: 8 }, () =>
      newTopUp(tenant, 3n, { id: fresh('refund'), type: 'refund', reference: asked.requestKey }),
    )
    const outcomes = await Promise.all(refunds.map((refund) => ledger.post(refund)))
    expect(outcomes.filter(({ kind }) => kind === 'posted')).toHaveLength(3)
    expect(outcomes.filter(({ kind }) => kind === 'not-refundable')).toHaveLength(5)
    expect(await balanceOf(ledger, tenant)).toEqual([99n, 0n, 10n])
  })

  test('lets credit expire as far as it is available, and never what is held', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    await ledger.reserve(newReservation(tenant))
    const expiry = (amount: bigint) =>
      newTopUp(tenant, amount, { id: fresh('expiry'), type: 'expiry', reference: undefined })
    expect(await ledger.post(expiry(91n))).toEqual({ kind: 'no-credit', available: 90n })
    expect(await ledger.post(expiry(90n))).toMatchObject({ kind: 'posted' })
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 10n, 0n])
  })

  test('posts only while nothing was spent or held since, where that is asked', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    const expiry = newTopUp(tenant, 50n, { type: 'expiry', reference: undefined })
    const [before, held, spent] = [
      { spent: 0n, held: 0n },
      { spent: 0n, held: 10n },
      { spent: 10n, held: 0n },
    ]
    expect(await ledger.post(expiry, before)).toEqual({ kind: 'changed' })
    await ledger.settle(settlementOf(asked))
    expect(await ledger.post(expiry, held)).toEqual({ kind: 'changed' })
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 0n, 10n])
    expect(await ledger.post(expiry, spent)).toMatchObject({ kind: 'posted' })
    // It stands already, whatever came after it.
    expect(await ledger.post(expiry, before)).toMatchObject({ kind: 'duplicate' })
    expect(await balanceOf(ledger, tenant)).toEqual([40n, 0n, 10n])
  })

  test('remembers of what it posts what was spent before, and of calls nothing', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    const held = newTopUp(tenant, 7n, { at: start + 1 })
    await ledger.post(held)
    await ledger.settle(settlementOf(asked, { charge: 4n }))
    const { requestKey: reference } = asked
    const refund = newTopUp(tenant, 1n, { type: 'refund', reference, at: start + 6 })
    await ledger.post(refund)
    // Sent again, it is the same, whatever was filled in; what the caller says of it does not count.
    const again = await ledger.post({ ...held, spentBefore: 99n })
    expect(again).toMatchObject({ kind: 'duplicate' })
    const expiry = newTopUp(tenant, 2n, { type: 'expiry', spentBefore: 99n, at: start + 7 })
    await ledger.post(expiry)
    const { entries } = await ledger.entries({ tenant, limit: 9 })
    expect(entries.map(({ type, spentBefore }) => [type, spentBefore])).toEqual([
      ['topup', 0n],
      ['topup', 0n],
      ['charge', undefined],
      ['refund', 4n],
      ['expiry', 4n],
    ])
    const types = ['topup', 'refund', 'expiry'] as const
    const posted = await ledger.entries({ tenant, types, limit: 9 })
    expect(posted.entries.map(({ spentBefore }) => spentBefore)).toEqual([0n, 0n, 4n, 4n])
  })

  test('counts money beyond 2^53 to the last micro', async () => {
    const ledger = await open()
    const much = 2n ** 62n + 1n
    const tenant = await openAccount(ledger, much)
    const asked = newReservation(tenant, { hold: much - 2n })
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked, { charge: much - 4n }))
    expect(await balanceOf(ledger, tenant)).toEqual([4n, 0n, much - 4n])
    const { entries } = await ledger.entries({ tenant, types: ['charge'], limit: 1 })
    expect(entries[0]?.amount).toBe(much - 4n)
  })

  test('lists entries by time and id, page by page, each once', async () => {
    const ledger = await open()
    const { tenant, posted } = await postSeven(ledger)
    for (const limit of [1, 2, 3, 7, 100]) {
      expect((await readEntries(ledger, tenant, limit)).map(comparable)).toEqual(
        posted.map(comparable),
      )
    }
    const first = await ledger.entries({ tenant, limit: 3 })
    expect(first.entries).toHaveLength(3)
    expect(first.next).toEqual({ at: posted[2]?.at, id: posted[2]?.id })
  })

  test('lists entries of a time, from included and to excluded, and of given types', async () => {
    const ledger = await open()
    const { tenant, posted } = await postSeven(ledger)
    const ids = async (query: Omit<EntryQuery, 'tenant' | 'limit'>) =>
      (await ledger.entries({ tenant, limit: 100, ...query })).entries.map(({ id }) => id)
    const idsOf = (entries: LedgerEntry[]) => entries.map(({ id }) => id)
    expect(await ids({ from: start + 1, to: start + 3 })).toEqual(idsOf(posted.slice(3, 5)))
    expect(await ids({ from: start + 3 })).toEqual(idsOf(posted.slice(5)))
    expect(await ids({ to: start + 1 })).toEqual(idsOf(posted.slice(0, 3)))
    const expiries = posted.filter(({ type }) => type === 'expiry')
    expect(await ids({ types: ['expiry'] })).toEqual(idsOf(expiries))
    expect(await ids({ types: ['expiry', 'topup'] })).toEqual(idsOf(posted))
    expect(await ids({ types: ['charge'] })).toEqual([])
    const [, second] = posted
    expect(await ids({ after: second, from: start + 2 })).toEqual(idsOf(posted.slice(4)))
    expect(await ids({ after: second, to: start + 1 })).toEqual(idsOf(posted.slice(2, 3)))
    expect(await ledger.entries({ tenant: fresh('nobody'), limit: 9 })).toEqual({ entries: [] })
  })

  test('treats tenants, ids and references as data, whatever they contain', async () => {
    const ledger = await open()
    const odd = `'; DROP TABLE entries; --"#{}|:%_é 漢`
    const tenant = fresh(odd)
    await ledger.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {} })
    await ledger.post(newTopUp(tenant, 100n, { id: odd, reference: odd }))
    const changed = { ...sale, project: odd, keyId: odd }
    const asked = newReservation(tenant, { requestKey: odd, fence: odd, sale: changed })
    await ledger.reserve({
      ...asked,
      requestKey: 'key',
      retryPointer: { key: odd, until: start + 1 },
    })
    expect((await ledger.findRetried(tenant, odd, start))?.sale).toEqual(changed)
    await ledger.release({ ...releaseOf({ ...asked, requestKey: 'key' }), reason: odd })
    const { entries } = await ledger.entries({ tenant, limit: 9 })
    expect(entries.map(({ id }) => id)).toEqual([odd, `key:${odd}`])
  })
}

/** Seven entries, of which the first three have one time. */
async function postSeven(ledger: Ledger) {
  const tenant = await openAccount(ledger, 0n)
  const posted = [0, 0, 0, 1, 2, 3, 4].map((at, index) => {
    const type = index % 3 === 1 ? 'expiry' : 'topup'
    return newTopUp(tenant, BigInt(10 - index), { id: `e${index}`, type, at: start + at })
  })
  for (const index of [6, 2, 0, 5, 3, 4, 1]) {
    const entry = posted[index]
    if (entry) expect(await ledger.post(entry)).toMatchObject({ kind: 'posted' })
  }
  return { tenant, posted: posted.map((entry) => ({ ...entry, spentBefore: 0n })) }
}
