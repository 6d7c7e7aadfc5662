import { expect, test } from 'vitest'
import type { OpenLedger } from './ledger-contract.ts'
import {
  balanceOf,
  comparable,
  day,
  fresh,
  newAnswer,
  newCounter,
  newReservation,
  openAccount,
  releaseOf,
  settlementOf,
  start,
} from './ledger-samples.ts'

/** How a request ends: once, by the attempt that is stored. */
export function describeFinish(open: OpenLedger): void {
  test('settles once: the charge is spent, the rest returns, the entry and the answer stand', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant, { now: start + 1 })
    await ledger.reserve(asked)
    const settlement = settlementOf(asked, { charge: 4n, units: { calls: 1, rows: 3 } })
    const outcome = await ledger.settle(settlement)
    const { now, ...kept } = asked
    const { answer } = settlement
    const request = { ...kept, state: 'done', createdAt: now, answer, charge: 4n }
    expect(comparable(outcome)).toMatchObject({
      kind: 'finished',
      request: comparable(request),
      account: { available: 96n, held: 0n, spent: 4n },
    })
    expect(comparable(await ledger.find(tenant, asked.requestKey))).toEqual(comparable(request))
    const { entries } = await ledger.entries({ tenant, types: ['charge'], limit: 10 })
    expect(entries.map(comparable)).toEqual([
      comparable({
        tenant,
        id: asked.requestKey,
        type: 'charge',
        amount: 4n,
        currency: 'USD',
        at: settlement.now,
        sale: asked.sale,
        units: settlement.units,
      }),
    ])
    // The same attempt, whose reply was lost.
    expect(comparable(await ledger.settle(settlement))).toEqual(comparable(outcome))
    expect(await balanceOf(ledger, tenant)).toEqual([96n, 0n, 4n])
    expect((await ledger.entries({ tenant, types: ['charge'], limit: 10 })).entries).toHaveLength(1)
  })

  test('settles nothing and everything: a charge of 0 and one of the whole hold', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const [free, dear] = [newReservation(tenant), newReservation(tenant)]
    await ledger.reserve(free)
    await ledger.reserve(dear)
    await ledger.settle(settlementOf(free, { charge: 0n }))
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
    await ledger.settle(settlementOf(dear, { charge: 10n }))
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 0n, 10n])
  })

  test('refuses a charge above its hold or below nothing, and changes nothing', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    for (const charge of [11n, -1n]) {
      await expect(ledger.settle(settlementOf(asked, { charge }))).rejects.toThrow()
    }
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
    expect((await ledger.find(tenant, asked.requestKey))?.state).toBe('reserved')
    expect((await ledger.entries({ tenant, types: ['charge'], limit: 10 })).entries).toEqual([])
  })

  test('releases once: the hold returns, and an entry of 0 says why', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const answer = newAnswer({ status: 422 })
    const cases = [
      { outcome: { kind: 'void' }, type: 'void', answer: undefined },
      { outcome: { kind: 'rejected', answer }, type: 'rejection', answer },
    ] as const
    for (const { outcome, type, answer } of cases) {
      const asked = newReservation(tenant)
      await ledger.reserve(asked)
      const release = releaseOf(asked, { outcome, reason: `why-${type}` })
      const finished = await ledger.release(release)
      const request = { state: outcome.kind, answer: comparable(answer) }
      expect(comparable(finished)).toMatchObject({ kind: 'finished', account: { held: 0n } })
      expect(comparable(await ledger.find(tenant, asked.requestKey))).toMatchObject(
        answer ? request : { state: 'void' },
      )
      expect(comparable(await ledger.release(release))).toEqual(comparable(finished))
      expect(await balanceOf(ledger, tenant)).toEqual([100n, 0n, 0n])
      const { entries } = await ledger.entries({ tenant, types: [type], limit: 10 })
      const id = `${asked.requestKey}:${asked.fence}`
      expect(entries).toMatchObject([{ id, amount: 0n, reference: `why-${type}`, at: release.now }])
    }
  })

  test('gives counters back what was not sold: money by the charge, calls never, room always', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const counters = [
      newCounter({ kind: 'spend', amount: 10n }),
      newCounter({ kind: 'calls', amount: 1n }),
      newCounter({ kind: 'concurrency', amount: 1n }),
    ]
    const used = () => ledger.counters(counters.map(({ id }) => id))
    const [sold, failed] = [1, 2].map(() => newReservation(tenant, { counters }))
    if (!sold || !failed) throw new Error('unreachable')
    await ledger.reserve(sold)
    await ledger.reserve(failed)
    expect(await used()).toEqual([20n, 2n, 2n])
    await ledger.settle(settlementOf(sold, { charge: 3n }))
    expect(await used()).toEqual([13n, 2n, 1n])
    await ledger.release(releaseOf(failed))
    expect(await used()).toEqual([3n, 1n, 0n])
    await ledger.settle(settlementOf(sold, { charge: 3n }))
    await ledger.release(releaseOf(failed))
    expect(await used()).toEqual([3n, 1n, 0n])
  })

  test('lets nobody finish without the stored fence, and shows what stands', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    expect(await ledger.settle(settlementOf(asked))).toEqual({ kind: 'lost', request: undefined })
    expect(await ledger.release(releaseOf(asked))).toEqual({ kind: 'lost', request: undefined })
    await ledger.reserve(asked)
    const thief = { ...asked, fence: fresh('fence') }
    for (const outcome of [
      await ledger.settle(settlementOf(thief)),
      await ledger.release(releaseOf(thief)),
    ]) {
      expect(outcome).toMatchObject({ kind: 'lost', request: { fence: asked.fence } })
    }
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
  })

  test('takes the request from the first attempt when a second one took it over', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const first = newReservation(tenant)
    await ledger.reserve(first)
    const second = {
      ...first,
      fence: fresh('fence'),
      now: first.leaseUntil,
      leaseUntil: start + day,
    }
    await ledger.reserve(second)
    expect((await ledger.settle(settlementOf(first))).kind).toBe('lost')
    expect((await ledger.release(releaseOf(first))).kind).toBe('lost')
    expect((await ledger.settle(settlementOf(second))).kind).toBe('finished')
    const late = await ledger.settle(settlementOf(first))
    expect(late).toMatchObject({ kind: 'lost', request: { state: 'done', fence: second.fence } })
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 0n, 10n])
  })

  test('ends a request one way only', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const [sold, failed] = [newReservation(tenant), newReservation(tenant)]
    await ledger.reserve(sold)
    await ledger.reserve(failed)
    await ledger.settle(settlementOf(sold))
    await ledger.release(releaseOf(failed))
    const rejected = { kind: 'rejected', answer: newAnswer() } as const
    for (const outcome of [
      await ledger.release(releaseOf(sold)),
      await ledger.release(releaseOf(sold, { outcome: rejected })),
    ]) {
      expect(outcome).toMatchObject({ kind: 'lost', request: { state: 'done' } })
    }
    for (const outcome of [
      await ledger.settle(settlementOf(failed)),
      await ledger.release(releaseOf(failed, { outcome: rejected })),
    ]) {
      expect(outcome).toMatchObject({ kind: 'lost', request: { state: 'void' } })
    }
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 0n, 10n])
  })

  test('gives one of a settle and a sweep that race the request, and never both', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 1_000n)
    const asked = Array.from({ length: 12 }, () => newReservation(tenant))
    await Promise.all(asked.map((reservation) => ledger.reserve(reservation)))
    const outcomes = await Promise.all(
      asked.flatMap((reservation, index) => {
        const settle = () => ledger.settle(settlementOf(reservation))
        const sweep = () => ledger.release(releaseOf(reservation))
        return (index % 2 === 0 ? [settle, sweep] : [sweep, settle]).map((end) => end())
      }),
    )
    expect(outcomes.filter(({ kind }) => kind === 'finished')).toHaveLength(12)
    const { entries } = await ledger.entries({ tenant, types: ['charge'], limit: 100 })
    const spent = BigInt(entries.length) * 10n
    expect(await balanceOf(ledger, tenant)).toEqual([1_000n - spent, 0n, spent])
  })

  test('lets the stored attempt finish after its lease: money does not depend on time', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    const late = settlementOf(asked, { now: asked.leaseUntil + day })
    expect((await ledger.settle(late)).kind).toBe('finished')
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 0n, 10n])
  })

  test('can void a request anew that was reserved again under the fence of its void', async () => {
    // The reply to reserve was lost, the sweeper voided it, and only then it was asked again.
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    await ledger.release(releaseOf(asked, { reason: 'lease-expired' }))
    expect((await ledger.reserve(asked)).kind).toBe('reserved')
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
    expect((await ledger.release(releaseOf(asked))).kind).toBe('finished')
    expect(await balanceOf(ledger, tenant)).toEqual([100n, 0n, 0n])
  })

  test('shows an effect at once on another connection', async () => {
    const [here, there] = [await open(), await open()]
    const tenant = await openAccount(here, 100n)
    const asked = newReservation(tenant)
    await here.reserve(asked)
    expect((await there.find(tenant, asked.requestKey))?.state).toBe('reserved')
    await there.settle(settlementOf(asked))
    expect(await balanceOf(here, tenant)).toEqual([90n, 0n, 10n])
  })
}
