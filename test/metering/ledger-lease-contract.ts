import { expect, test } from 'vitest'
import type { OpenLedger } from './ledger-contract.ts'
import {
  balanceOf,
  day,
  fresh,
  newReservation,
  openAccount,
  releaseOf,
  settlementOf,
} from './ledger-samples.ts'

/** An attempt that is still at work says so. */
export function describeLeases(open: OpenLedger): void {
  test('keeps others and the sweeper away for longer, and moves nothing', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    const leaseUntil = asked.leaseUntil + 30_000
    expect(await ledger.renew({ ...asked, leaseUntil })).toBe('renewed')
    const rival = {
      ...asked,
      fence: fresh('fence'),
      now: leaseUntil - 1,
      leaseUntil: 2 * leaseUntil,
    }
    expect(await ledger.reserve(rival)).toEqual({ kind: 'in-flight', leaseUntil })
    const expired = await ledger.expiredLeases(leaseUntil, 100_000)
    expect(expired.map(({ requestKey }) => requestKey)).not.toContain(asked.requestKey)
    expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
    expect(await ledger.reserve({ ...rival, now: leaseUntil })).toMatchObject({ takenOver: true })
  })

  test('is repeated without harm, and never ends a lease earlier', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    const later = { ...asked, leaseUntil: asked.leaseUntil + 30_000 }
    for (const lease of [later, later, asked]) expect(await ledger.renew(lease)).toBe('renewed')
    const { leaseUntil } = (await ledger.find(tenant, asked.requestKey)) ?? {}
    expect(leaseUntil).toBe(later.leaseUntil)
  })

  test('may come after the lease has ended, as long as nobody has taken over', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const asked = newReservation(tenant)
    await ledger.reserve(asked)
    const [late, later] = [asked.leaseUntil + day, asked.leaseUntil + 2 * day]
    expect(await ledger.renew({ ...asked, leaseUntil: late })).toBe('renewed')
    const rival = { ...asked, fence: fresh('fence'), now: late, leaseUntil: later }
    expect((await ledger.reserve(rival)).kind).toBe('reserved')
    expect(await ledger.renew({ ...asked, leaseUntil: 2 * later })).toBe('lost')
    expect((await ledger.find(tenant, asked.requestKey))?.leaseUntil).toBe(later)
    expect(await ledger.renew(rival)).toBe('renewed')
  })

  test('is lost by whoever holds nothing: before, after, or under another name', async () => {
    const ledger = await open()
    const tenant = await openAccount(ledger, 100n)
    const [sold, failed] = [newReservation(tenant), newReservation(tenant)]
    const renew = (asked = sold) => ledger.renew({ ...asked, leaseUntil: asked.leaseUntil + day })
    expect(await renew()).toBe('lost')
    await ledger.reserve(sold)
    await ledger.reserve(failed)
    expect(await renew({ ...sold, fence: fresh('fence') })).toBe('lost')
    expect(await renew({ ...sold, tenant: await openAccount(ledger, 100n) })).toBe('lost')
    await ledger.settle(settlementOf(sold))
    await ledger.release(releaseOf(failed))
    expect(await renew(sold)).toBe('lost')
    expect(await renew(failed)).toBe('lost')
    expect((await ledger.find(tenant, sold.requestKey))?.state).toBe('done')
    expect((await ledger.find(tenant, failed.requestKey))?.state).toBe('void')
  })
}
