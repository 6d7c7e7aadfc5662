import { expect, test } from 'vitest'
import { ServiceError } from '#shared/errors/service-error.ts'
import { sweep } from '#shared/metering/sweep.ts'
import { balanceOf, newReservation, newTopUp, openAccount, start } from './ledger-samples.ts'
import { createMemoryLedger } from './memory-ledger.ts'

const hour = 60 * 60 * 1_000

test('one hold that cannot be released keeps no other one waiting', async () => {
  const ledger = createMemoryLedger()
  const tenant = await openAccount(ledger, 100n)
  const [stuck, free] = [newReservation(tenant), newReservation(tenant)]
  await ledger.reserve({ ...stuck, leaseUntil: start })
  await ledger.reserve({ ...free, leaseUntil: start + 1 })
  const failing = {
    ...ledger,
    release: async (asked: Parameters<typeof ledger.release>[0]) => {
      if (asked.requestKey === stuck.requestKey) throw new ServiceError('store_unavailable')
      return ledger.release(asked)
    },
  }
  const now = () => start + hour
  await expect(sweep({ ledger: failing, now })).rejects.toThrow(ServiceError)
  expect(await balanceOf(ledger, tenant)).toEqual([90n, 10n, 0n])
  expect(await sweep({ ledger, now })).toEqual({ released: 1, expired: 0 })
})

test('takes expired credit once, however many sweepers know of different lots', async () => {
  const ledger = createMemoryLedger()
  const tenant = await openAccount(ledger, 500n)
  await ledger.post(newTopUp(tenant, 100n, { creditExpiresAt: start + hour }))
  await ledger.post(newTopUp(tenant, 50n, { creditExpiresAt: start + 2 * hour }))
  // The second has read the books before the first has written to them.
  let early: ReturnType<typeof sweep> | undefined
  const late = {
    ...ledger,
    post: async (...entry: Parameters<typeof ledger.post>) => {
      early ??= sweep({ ledger, now: () => start + 1.5 * hour })
      await early
      return ledger.post(...entry)
    },
  }
  const now = () => start + 3 * hour
  expect(await sweep({ ledger: late, now })).toEqual({ released: 0, expired: 0 })
  expect(await balanceOf(ledger, tenant)).toEqual([550n, 0n, 0n])
  expect(await sweep({ ledger, now })).toEqual({ released: 0, expired: 1 })
  expect(await balanceOf(ledger, tenant)).toEqual([500n, 0n, 0n])
})
