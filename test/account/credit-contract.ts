import { describe, expect, test } from 'vitest'
import { addCredit } from '#shared/account/add-credit.ts'
import { creditLots } from '#shared/account/credit-lots.ts'
import { openAccount } from '#shared/account/open-account.ts'
import { refundCharge } from '#shared/account/refund-charge.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { sweep } from '#shared/metering/sweep.ts'
import { balanceOf, day, fresh, start } from '#test/metering/ledger-samples.ts'
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
