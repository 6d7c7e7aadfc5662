import { expect, test } from 'vitest'
import type { OpenLedger } from './ledger-contract.ts'
import {
  balanceOf,
  chargeOf,
  comparable,
  fresh,
  newReservation,
  newTopUp,
  openAccount,
  start,
} from './ledger-samples.ts'

/** A charge with one write. */
export function describeSell(open: OpenLedger): void {
  const postpaid = { mode: 'postpaid' } as const

  test('charges a postpaid account once, however often it is asked', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 5n, postpaid)
    const charge = chargeOf(tenant, 30n, { units: { calls: 1, rows: 3 } })
    for (const _ of ['first', 'reply lost']) {
      expect(await ledger.sell({ ...charge })).toEqual({ kind: 'sold' })
    }
    expect(await balanceOf(ledger, tenant)).toEqual([5n, 0n, 30n])
    expect(comparable(await ledger.entry(tenant, charge.id))).toEqual(comparable(charge))
    expect(await ledger.find(tenant, charge.id)).toBeUndefined()
    const { entries } = await ledger.entries({ tenant, types: ['charge'], limit: 9 })
    expect(entries).toHaveLength(1)
  })

  test('charges once where many ask for the same at once, and each of many others', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n, postpaid)
    const same = chargeOf(tenant, 2n)
    const others = Array.from({ length: 12 }, () => chargeOf(tenant, 3n))
    const asked = [...others, ...Array.from({ length: 12 }, () => same)]
    const outcomes = await Promise.all(asked.map((charge) => ledger.sell(charge)))
    expect(outcomes).toEqual(asked.map(() => ({ kind: 'sold' })))
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 0n, 38n])
  })

  test('changes no entry: another one of the same id is refused', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n, postpaid)
    const charge = chargeOf(tenant, 30n)
    await ledger.sell(charge)
    for (const change of [{ amount: 31n }, { at: start + 1 }, { units: {} }]) {
      expect(await ledger.sell({ ...charge, ...change })).toEqual({ kind: 'conflict' })
    }
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 0n, 30n])
  })

  test('charges nobody who pays ahead, in another currency, or who is not there', async () => {
    const ledger = await open()
    const prepaid = await openAccount(ledger, 100n)
    expect(await ledger.sell(chargeOf(prepaid, 1n))).toEqual({ kind: 'not-postpaid' })
    expect(await balanceOf(ledger, prepaid)).toEqual([100n, 0n, 0n])
    for (const amount of [0n, 1n]) {
      const nobody = chargeOf(fresh('nobody'), amount)
      expect(await ledger.sell(nobody)).toEqual({ kind: 'no-account' })
    }
    const tenant = await openAccount(ledger, 0n, postpaid)
    const foreign = chargeOf(tenant, 1n, { currency: 'EUR' })
    expect(await ledger.sell(foreign)).toEqual({ kind: 'currency-mismatch', currency: 'USD' })
    expect(await ledger.sell(chargeOf(tenant, 0n))).toEqual({ kind: 'sold' })
    expect(await balanceOf(ledger, tenant)).toEqual([0n, 0n, 0n])
  })

  test('is known for what it is after the account has become prepaid', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n, postpaid)
    const charge = chargeOf(tenant, 30n)
    await ledger.sell(charge)
    await ledger.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {} })
    expect(await ledger.sell(charge)).toEqual({ kind: 'sold' })
    expect(await ledger.sell(chargeOf(tenant, 1n))).toEqual({ kind: 'not-postpaid' })
  })

  test('can be refunded, and never be reserved again', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n, postpaid)
    const charge = chargeOf(tenant, 30n)
    await ledger.sell(charge)
    const refund = newTopUp(tenant, 20n, { type: 'refund', reference: charge.id })
    expect(await ledger.post(refund)).toMatchObject({ kind: 'posted' })
    expect(await ledger.post({ ...refund, id: fresh('refund') })).toEqual({
      kind: 'not-refundable',
      left: 10n,
    })
    const again = newReservation(tenant, { requestKey: charge.id })
    expect(await ledger.reserve(again)).toEqual({ kind: 'gone' })
  })

  test('takes nothing but charges', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 0n, postpaid)
    const sell = async (type: 'void' | 'topup') => ledger.sell(chargeOf(tenant, 1n, { type }))
    await expect(sell('void')).rejects.toThrow()
    await expect(sell('topup')).rejects.toThrow()
  })
}
