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

/** Who may run a request, and what is held for it. */
export function describeReserve(open: OpenLedger): void {
  test('moves the hold from available to held and remembers the request whole', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const counters = [newCounter(), newCounter({ kind: 'calls', amount: 1n, limit: undefined })]
    const asked = newReservation(tenant, { counters })
    const outcome = await ledger.reserve(asked)
    const { now, ...kept } = asked
    const request = { ...kept, state: 'reserved', createdAt: now }
    expect(comparable(outcome)).toEqual(comparable({ kind: 'reserved', request, takenOver: false }))
    expect(comparable(await ledger.find(tenant, asked.requestKey))).toEqual(comparable(request))
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
    expect(await ledger.counters(counters.map(({ id }) => id))).toEqual([10n, 1n])
  })

  test('takes the whole balance, and refuses one micro more without moving anything', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const counter = newCounter({ amount: 101n, limit: 1_000n })
    const tooMuch = newReservation(tenant, { hold: 101n, counters: [counter] })
    expect(await ledger.reserve(tooMuch)).toEqual({ kind: 'no-credit', available: 100n })
    expect(await balanceOf(ledger, tenant)).toEqual([100n, 0n, 0n])
    expect(await ledger.counters([counter.id])).toEqual([0n])
    expect(await ledger.find(tenant, tooMuch.requestKey)).toBeUndefined()
    expect(await ledger.reserve(newReservation(tenant, { hold: 100n }))).toMatchObject({
      kind: 'reserved',
    })
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 100n, 0n])
  })

  test('knows no credit of a tenant without an account', async () => {
    const ledger = await open()
    expect(await ledger.reserve(newReservation(fresh('nobody')))).toEqual({ kind: 'no-account' })
  })

  test('names the first counter that would pass its limit and moves none', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const wide = newCounter({ limit: undefined })
    const full = newCounter({ amount: 6n, limit: 10n })
    const fuller = newCounter({ amount: 6n, limit: 5n })
    await ledger.reserve(newReservation(tenant, { counters: [wide, full] }))
    const second = newReservation(tenant, { counters: [wide, full, fuller] })
    expect(comparable(await ledger.reserve(second))).toEqual({
      kind: 'limit',
      counter: comparable(full),
      used: 6n,
    })
    expect(await ledger.counters([wide.id, full.id, fuller.id])).toEqual([10n, 6n, 0n])
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
  })

  test('fills a counter to its limit exactly', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const counter = newCounter({ limit: 20n })
    const reserve = () => ledger.reserve(newReservation(tenant, { counters: [counter] }))
    expect((await reserve()).kind).toBe('reserved')
    expect((await reserve()).kind).toBe('reserved')
    expect((await reserve()).kind).toBe('limit')
    expect(await ledger.counters([counter.id])).toEqual([20n])
  })

  test('admits exactly 99 of 150 concurrent holds of 10 against 990', async () => {
    const [here, there] = [await open(), await open()]
    const tenant = await openAccount(here, 990n)
    const outcomes = await Promise.all(
      Array.from({ length: 150 }, (_, index) =>
        (index % 2 === 0 ? here : there).reserve(newReservation(tenant)),
      ),
    )
    expect(outcomes.filter(({ kind }) => kind === 'reserved')).toHaveLength(99)
    expect(outcomes.filter(({ kind }) => kind === 'no-credit')).toHaveLength(51)
    expect(await balanceOf(here, tenant)).toEqual([0n, 990n, 0n])
  })

  test('never passes a limit under concurrency, whatever else there is credit for', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 10_000n)
    const counter = newCounter({ kind: 'concurrency', amount: 1n, limit: 7n })
    const asked = Array.from({ length: 30 }, () => newReservation(tenant, { counters: [counter] }))
    const outcomes = await Promise.all(asked.map((reservation) => ledger.reserve(reservation)))
    expect(outcomes.filter(({ kind }) => kind === 'reserved')).toHaveLength(7)
    expect(outcomes.filter(({ kind }) => kind === 'limit')).toHaveLength(23)
    expect(await ledger.counters([counter.id])).toEqual([7n])
    expect(await balanceOf(ledger, tenant)).toEqual([9_930n, 70n, 0n])
  })

  test('lets one of many concurrent attempts at the same request run', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 1_000n)
    const { requestKey } = newReservation(tenant)
    const asked = Array.from({ length: 10 }, () => newReservation(tenant, { requestKey }))
    const outcomes = await Promise.all(asked.map((reservation) => ledger.reserve(reservation)))
    expect(outcomes.filter(({ kind }) => kind === 'reserved')).toHaveLength(1)
    expect(outcomes.filter(({ kind }) => kind === 'in-flight')).toHaveLength(9)
    expect(await balanceOf(ledger, tenant)).toEqual([990n, 10n, 0n])
  })

  test('answers the very same attempt again without a second hold', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant, { counters: [newCounter()] })
    const first = await ledger.reserve(asked)
    expect(comparable(await ledger.reserve(asked))).toEqual(comparable(first))
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
    expect(await ledger.counters(asked.counters.map(({ id }) => id))).toEqual([10n])
  })

  test('tells another attempt until when the first is presumed alive, to the millisecond', async () => {
    const ledger = await open()
    const asked = newReservation(await openAccount(ledger, 100n))
    await ledger.reserve(asked)
    const { leaseUntil } = asked
    const rival = { ...asked, fence: fresh('fence'), now: leaseUntil - 1 }
    expect(await ledger.reserve(rival)).toEqual({ kind: 'in-flight', leaseUntil })
    expect(await ledger.reserve({ ...rival, now: leaseUntil })).toMatchObject({ takenOver: true })
  })

  test('hands a takeover the hold, counters and sale of the first attempt, and moves nothing', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const counter = newCounter()
    const first = newReservation(tenant, { counters: [counter] })
    await ledger.reserve(first)
    const second = newReservation(tenant, {
      requestKey: first.requestKey,
      now: start + 60_000,
      leaseUntil: start + 90_000,
      hold: 50n,
      sale: { ...first.sale, model: 'iris@2', project: 'other' },
      counters: [newCounter({ amount: 50n })],
    })
    const { now, ...kept } = first
    const request = {
      ...kept,
      state: 'reserved',
      createdAt: now,
      fence: second.fence,
      leaseUntil: second.leaseUntil,
    }
    const takeover = comparable({ kind: 'reserved', request, takenOver: true })
    expect(comparable(await ledger.reserve(second))).toEqual(takeover)
    // Asked again because the reply was lost, it is a takeover still.
    expect(comparable(await ledger.reserve(second))).toEqual(takeover)
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
    expect(await ledger.counters([counter.id, second.counters[0]?.id ?? ''])).toEqual([10n, 0n])
  })

  test('refuses another payload under the same key, in whatever state it is', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const rejected = { kind: 'rejected', answer: newAnswer({ status: 422 }) } as const
    const ends = [
      async () => {},
      (asked: ReturnType<typeof newReservation>) => ledger.settle(settlementOf(asked)),
      (asked: ReturnType<typeof newReservation>) => ledger.release(releaseOf(asked)),
      (asked: ReturnType<typeof newReservation>) =>
        ledger.release(releaseOf(asked, { outcome: rejected })),
    ]
    for (const end of ends) {
      const asked = newReservation(tenant)
      await ledger.reserve(asked)
      await end(asked)
      const before = await balanceOf(ledger, tenant)
      const other = { ...asked, fingerprint: 'other', fence: fresh('fence'), now: start + 40_000 }
      expect(await ledger.reserve(other)).toEqual({ kind: 'mismatch' })
      expect(await ledger.reserve({ ...other, fence: asked.fence })).toEqual({ kind: 'mismatch' })
      expect(await balanceOf(ledger, tenant)).toEqual(before)
    }
  })

  test('replays the stored answer, byte for byte, as long as it is kept', async () => {
    const ledger = await open()
    const asked = newReservation(await openAccount(ledger, 100n))
    await ledger.reserve(asked)
    const headers = { 'content-type': 'text/plain', 'x-odd': 'é "quoted"' }
    const body = Uint8Array.from({ length: 3_000 }, (_, index) => index % 256)
    const answer = newAnswer({ headers, body })
    await ledger.settle(settlementOf(asked, { answer, charge: 4n }))
    const again = { ...asked, fence: fresh('fence'), now: answer.expiresAt - 1 }
    const outcome = await ledger.reserve(again)
    expect(outcome).toMatchObject({ kind: 'replay', request: { state: 'done', charge: 4n } })
    expect(outcome.kind === 'replay' && comparable(outcome.request.answer)).toEqual(
      comparable(answer),
    )
    expect(await ledger.reserve({ ...again, now: answer.expiresAt })).toEqual({ kind: 'gone' })
  })

  test('never sells a charged request again, however long ago it was', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked))
    for (const later of [day + 1, 40 * day, 4_000 * day]) {
      const now = start + later
      const again = { ...asked, fence: fresh('fence'), now, leaseUntil: now + 1_000 }
      expect(await ledger.reserve(again)).toEqual({ kind: 'gone' })
    }
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 0n, 10n])
  })

  test('repeats a rejection as long as its answer is kept, then lets the request be tried anew', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    const answer = newAnswer({ status: 422 })
    await ledger.release(releaseOf(asked, { outcome: { kind: 'rejected', answer } }))
    const again = { ...asked, fence: fresh('fence') }
    expect(comparable(await ledger.reserve(again))).toMatchObject({
      kind: 'replay',
      request: { state: 'rejected', answer: comparable(answer) },
    })
    expect(await ledger.reserve({ ...again, now: answer.expiresAt })).toMatchObject({
      kind: 'reserved',
      takenOver: false,
    })
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
  })

  test('sells a void request anew, with the hold, counters and sale of the new attempt', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const [old, counter] = [newCounter(), newCounter({ amount: 30n })]
    const first = newReservation(tenant, { counters: [old] })
    await ledger.reserve(first)
    await ledger.release(releaseOf(first))
    const { requestKey } = first
    const changed = { ...first.sale, model: 'iris@2' }
    const second = newReservation(tenant, {
      requestKey,
      hold: 30n,
      counters: [counter],
      sale: changed,
      now: start + 10,
    })
    const outcome = await ledger.reserve(second)
    expect(outcome).toMatchObject({
      kind: 'reserved',
      takenOver: false,
      request: { hold: 30n, sale: { model: 'iris@2' }, createdAt: start + 10, fence: second.fence },
    })
    expect(await balanceOf(ledger, tenant)).toEqual([70n, 30n, 0n])
    expect(await ledger.counters([old.id, counter.id])).toEqual([0n, 30n])
    await ledger.settle(settlementOf(second, { charge: 30n }))
    expect(await balanceOf(ledger, tenant)).toEqual([70n, 0n, 30n])
  })

  test('keeps equal request keys of two tenants apart', async () => {
    const ledger = await open()
    const [one, two] = [await openAccount(ledger, 100n), await openAccount(ledger, 100n)]
    const asked = newReservation(one)
    await ledger.reserve(asked)
    await ledger.settle(settlementOf(asked))
    const theirs = { ...asked, tenant: two, fence: fresh('fence'), fingerprint: 'other' }
    expect(await ledger.find(two, asked.requestKey)).toBeUndefined()
    expect(await ledger.reserve(theirs)).toMatchObject({ kind: 'reserved' })
    expect(await ledger.settle(settlementOf({ ...asked, tenant: two }))).toMatchObject({
      kind: 'lost',
    })
    expect(await balanceOf(ledger, one)).toEqual([90n, 0n, 10n])
    expect(await balanceOf(ledger, two)).toEqual([90n, 10n, 0n])
  })

  test('finds the latest request of a retry pointer until it expires', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const other = await openAccount(ledger, 100n)
    const retryPointer = { key: fresh('pointer'), until: start + 900_000 }
    const [first, second] = [1, 2].map(() => newReservation(tenant, { retryPointer }))
    if (!first || !second) throw new Error('unreachable')
    const found = async (of: string, now: number) =>
      (await ledger.findRetried(of, retryPointer.key, now))?.requestKey
    expect(await found(tenant, start)).toBeUndefined()
    await ledger.reserve(first)
    expect(await found(tenant, start)).toBe(first.requestKey)
    await ledger.reserve(second)
    expect(await found(tenant, start)).toBe(second.requestKey)
    expect(await found(other, start)).toBeUndefined()
    expect(await found(tenant, retryPointer.until - 1)).toBe(second.requestKey)
    expect(await found(tenant, retryPointer.until)).toBeUndefined()
  })

  test('lists what is still reserved after its lease, oldest first, and nothing else', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 1_000n)
    // Earlier than those of every other test in the same store.
    const reserve = async (leaseUntil: number) => {
      const asked = newReservation(tenant, { leaseUntil })
      await ledger.reserve(asked)
      return asked
    }
    const late = await reserve(3_000)
    const early = await reserve(1_000)
    const middle = await reserve(2_000)
    await ledger.settle(settlementOf(await reserve(1_500)))
    await ledger.release(releaseOf(await reserve(1_600)))
    const keys = async (time: number, limit: number) =>
      (await ledger.expiredLeases(time, limit)).map(({ requestKey }) => requestKey)
    const [first, second, third] = [early, middle, late].map(({ requestKey }) => requestKey)
    expect(await keys(999, 10)).toEqual([])
    expect(await keys(3_001, 10)).toEqual([first, second, third])
    expect(await keys(2_500, 10)).toEqual([first, second])
    expect(await keys(3_001, 1)).toEqual([first])
    for (const asked of [early, middle, late]) await ledger.release(releaseOf(asked))
    expect(await keys(3_001, 10)).toEqual([])
  })
}
