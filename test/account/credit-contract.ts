import { describe, expect, test } from 'vitest'
import { addCredit } from '#shared/account/add-credit.ts'
import { creditLots } from '#shared/account/credit-lots.ts'
import { openAccount } from '#shared/account/open-account.ts'
import { refundCharge } from '#shared/account/refund-charge.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { sweep } from '#shared/metering/sweep.ts'
import {
  balanceOf,
  day,
  fresh,
  newReservation,
  releaseOf,
  start,
} from '#test/metering/ledger-samples.ts'
import { sell } from './account-ledger.ts'

const topUp = { amount: 100n, currency: 'USD', paymentId: 'pay-1' }
const refusal = (code: string) => expect.objectContaining({ code })

/** Credit and refunds on a real ledger; both drivers pass it. `open` gives the ledger. */
export function describeCredit(open: () => Ledger): void {
  const clock = { now: start }
  const services = {
    get ledger() {
      return open()
    },
    now: () => clock.now,
  }

  describe('credit', () => {
    test('opens a prepaid account, and is added', async () => {
      const tenant = fresh('tenant')
      const { account, entry, repeated } = await addCredit(services, { tenant, ...topUp })
      expect(account).toMatchObject({ mode: 'prepaid', currency: 'USD', available: 100n })
      expect([entry.id, entry.reference, repeated]).toEqual(['topup-pay-1', 'pay-1', false])
    })

    test('opens an account in one currency, whoever comes first', async () => {
      const tenant = fresh('tenant')
      const settings = { tenant, mode: 'prepaid', limits: {} } as const
      const attempts = ['USD', 'EUR', 'USD', 'EUR'].flatMap((currency) => [
        openAccount(open(), { ...settings, currency }),
        addCredit(services, { tenant, ...topUp, paymentId: fresh('pay'), currency }),
      ])
      const outcomes = await Promise.allSettled(attempts)
      const refused = outcomes.filter(({ status }) => status === 'rejected')
      expect(refused).toHaveLength(4)
      for (const outcome of refused) {
        expect(outcome).toMatchObject({ reason: refusal('currency_mismatch') })
      }
      expect(await balanceOf(open(), tenant)).toEqual([200n, 0n, 0n])
    })

    test('stays in an account whose shards change, and whose other settings stay as they were', async () => {
      const tenant = fresh('tenant')
      const settings = { tenant, currency: 'USD', mode: 'prepaid', limits: {} } as const
      await openAccount(open(), { ...settings, shards: 3, metering: 'leased' })
      await addCredit(services, { tenant, ...topUp })
      const kept = await openAccount(open(), { ...settings, limits: { dailyCalls: 7 } })
      expect(kept).toMatchObject({ shards: 3, metering: 'leased', available: 100n })
      await openAccount(open(), { ...settings, shards: 1 })
      const account = await open().account(tenant)
      expect(account?.shards ?? 1).toBe(1)
      expect(account).toMatchObject({ limits: {}, metering: 'leased', available: 100n })
    })

    test('of one payment is added once, however often and whenever it is told of', async () => {
      const tenant = fresh('tenant')
      const first = await addCredit(services, { tenant, ...topUp })
      clock.now += 5_000
      const second = await addCredit(services, { tenant, ...topUp })
      expect(second).toMatchObject({ repeated: true, entry: { at: first.entry.at } })
      await Promise.all([1, 2, 3].map(() => addCredit(services, { tenant, ...topUp })))
      expect(await balanceOf(open(), tenant)).toEqual([100n, 0n, 0n])
    })

    test('of a known payment with another content is refused', async () => {
      const tenant = fresh('tenant')
      await addCredit(services, { tenant, ...topUp })
      for (const change of [{ amount: 101n }, { expiresAt: start + 9 * day }]) {
        const again = addCredit(services, { tenant, ...topUp, ...change })
        await expect(again).rejects.toEqual(refusal('idempotency_key_reused'))
      }
      expect(await balanceOf(open(), tenant)).toEqual([100n, 0n, 0n])
    })

    test('is refused where the amount is none, or the currency another', async () => {
      const tenant = fresh('tenant')
      await addCredit(services, { tenant, ...topUp })
      for (const amount of [0n, -1n, 2n ** 63n, 2n ** 63n - 1n]) {
        const paymentId = fresh('pay')
        const call = addCredit(services, { tenant, ...topUp, amount, paymentId })
        await expect(call).rejects.toEqual(refusal('amount_invalid'))
      }
      const euros = addCredit(services, { tenant, ...topUp, paymentId: 'pay-2', currency: 'EUR' })
      await expect(euros).rejects.toEqual(refusal('currency_mismatch'))
      const past = addCredit(services, {
        tenant,
        ...topUp,
        paymentId: 'pay-3',
        expiresAt: start - 1,
      })
      await expect(past).rejects.toEqual(refusal('parameter_invalid'))
      const other = openAccount(open(), { tenant, currency: 'EUR', mode: 'prepaid', limits: {} })
      await expect(other).rejects.toEqual(refusal('currency_mismatch'))
      expect(await balanceOf(open(), tenant)).toEqual([100n, 0n, 0n])
    })

    test('that is refused opens no account, whose currency would be for ever', async () => {
      const tenant = fresh('tenant')
      for (const change of [{ amount: 0n }, { expiresAt: start - 1 }]) {
        const refused = addCredit(services, { tenant, ...topUp, currency: 'EUR', ...change })
        await expect(refused).rejects.toMatchObject({ status: 422 })
      }
      expect(await open().account(tenant)).toBeUndefined()
    })

    test('is used in the order in which it expires, and what expires is lost', async () => {
      const tenant = fresh('tenant')
      const add = (paymentId: string, amount: bigint, expiresAt?: number) =>
        addCredit(services, { tenant, currency: 'USD', paymentId, amount, expiresAt })
      await add('lasting', 50n)
      await add('late', 50n, clock.now + 20 * day)
      await add('early', 50n, clock.now + 10 * day)
      const left = async () => {
        const account = await open().account(tenant)
        if (!account) throw new Error()
        const lots = await creditLots(open(), account)
        return Object.fromEntries(lots.map((lot) => [lot.id.slice(6), lot.left]))
      }
      await sell(open(), tenant, { charge: 30n })
      expect(await left()).toEqual({ lasting: 50n, late: 50n, early: 20n })
      await sweep({ ledger: open(), now: () => clock.now + 11 * day })
      expect(await balanceOf(open(), tenant)).toEqual([100n, 0n, 30n])
      expect(await left()).toEqual({ lasting: 50n, late: 50n, early: 0n })
      await sell(open(), tenant, { charge: 60n })
      expect(await left()).toEqual({ lasting: 40n, late: 0n, early: 0n })
    })
  })

  describe('credit that expires', () => {
    const setUp = () => {
      const tenant = fresh('tenant')
      const from = clock.now
      return {
        tenant,
        add: (paymentId: string, amount: bigint, days?: number) =>
          addCredit(services, {
            tenant,
            currency: 'USD',
            paymentId,
            amount,
            expiresAt: days === undefined ? undefined : from + days * day,
          }),
        sweepAfter: (days: number) =>
          sweep({ ledger: open(), now: () => from + days * day + 10 * 60_000 }),
        async left() {
          const account = await open().account(tenant)
          if (!account) throw new Error()
          const lots = await creditLots(open(), account)
          expect(lots.reduce((sum, lot) => sum + lot.left, 0n)).toBe(account.available)
          return Object.fromEntries(lots.map((lot) => [lot.id.replace('topup-', ''), lot.left]))
        },
      }
    }

    test('was not used by what was spent before it came', async () => {
      const { tenant, add, sweepAfter, left } = setUp()
      await add('lasting', 1_000n)
      await sell(open(), tenant, { charge: 900n })
      await add('gift', 50n, 10)
      expect(await left()).toEqual({ lasting: 100n, gift: 50n })
      await sell(open(), tenant, { charge: 20n })
      expect(await left()).toEqual({ lasting: 100n, gift: 30n })
      await sweepAfter(10)
      expect(await balanceOf(open(), tenant)).toEqual([100n, 0n, 920n])
      expect(await left()).toEqual({ lasting: 100n, gift: 0n })
    })

    test('does not make up for what an earlier one has lost', async () => {
      const { tenant, add, sweepAfter, left } = setUp()
      await add('first', 40n, 1)
      await sell(open(), tenant, { charge: 10n })
      await sweepAfter(1)
      expect(await balanceOf(open(), tenant)).toEqual([0n, 0n, 10n])
      await add('second', 40n, 20)
      await add('lasting', 5n)
      await sell(open(), tenant, { charge: 15n })
      expect(await left()).toEqual({ first: 0n, second: 25n, lasting: 5n })
      await sweepAfter(20)
      expect(await balanceOf(open(), tenant)).toEqual([5n, 0n, 25n])
      await sweepAfter(30)
      expect(await balanceOf(open(), tenant)).toEqual([5n, 0n, 25n])
    })

    test('is kept while it is held, and lost when it comes back', async () => {
      const { tenant, add, sweepAfter } = setUp()
      await add('gift', 50n, 10)
      const asked = newReservation(tenant, { hold: 20n, leaseUntil: clock.now + 90 * day })
      await open().reserve(asked)
      await sweepAfter(10)
      expect(await balanceOf(open(), tenant)).toEqual([0n, 20n, 0n])
      await open().release(releaseOf(asked))
      await sweepAfter(10)
      expect(await balanceOf(open(), tenant)).toEqual([0n, 0n, 0n])
    })
  })

  describe('a refund', () => {
    const setUp = async () => {
      const tenant = fresh('tenant')
      await addCredit(services, { tenant, ...topUp })
      return { tenant, chargeId: await sell(open(), tenant, { charge: 40n }) }
    }

    test('gives back a charge in parts, and never more than it was', async () => {
      const call = await setUp()
      const part = (refundId: string, amount: bigint) =>
        refundCharge(services, { ...call, refundId, amount })
      await part('r1', 15n)
      await expect(part('r2', 26n)).rejects.toEqual(refusal('amount_invalid'))
      await part('r2', 25n)
      await expect(part('r3', 1n)).rejects.toEqual(refusal('amount_invalid'))
      expect(await balanceOf(open(), call.tenant)).toEqual([100n, 0n, 40n])
    })

    test('is given once, however often it is asked for', async () => {
      const call = await setUp()
      const refund = { ...call, refundId: 'once', amount: 40n }
      await refundCharge(services, refund)
      clock.now += 1
      expect(await refundCharge(services, refund)).toMatchObject({ repeated: true })
      await expect(refundCharge(services, { ...refund, amount: 1n })).rejects.toEqual(
        refusal('idempotency_key_reused'),
      )
      expect(await balanceOf(open(), call.tenant)).toEqual([100n, 0n, 40n])
    })

    test("of another tenant's charge is like that of one that never was", async () => {
      const [mine, theirs] = [await setUp(), await setUp()]
      const errors = await Promise.all(
        [theirs.chargeId, 'nothing'].map((chargeId) =>
          refundCharge(services, { ...mine, chargeId, refundId: fresh('r'), amount: 1n }).catch(
            ({ code, detail, message }) => ({ code, detail, message }),
          ),
        ),
      )
      expect(errors[0]).toMatchObject({ code: 'resource_not_found' })
      expect(errors[0]).toEqual(errors[1])
      expect(await balanceOf(open(), theirs.tenant)).toEqual([60n, 0n, 40n])
    })
  })
}
