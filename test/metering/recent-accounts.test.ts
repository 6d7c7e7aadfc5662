import { expect, test } from 'vitest'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createRecentAccounts } from '#shared/metering/recent-accounts.ts'
import { openAccount, start } from './ledger-samples.ts'
import { createMemoryLedger } from './memory-ledger.ts'

/** A clock, a ledger that can be taken away, and how often it was asked. */
async function openWorld() {
  const ledger = createMemoryLedger()
  const tenant = await openAccount(ledger, 0n)
  const world = { time: start, asked: 0, isDown: false, ledger, tenant }
  const recent = createRecentAccounts({
    now: () => world.time,
    ledger: {
      async account(name) {
        world.asked += 1
        if (world.isDown) throw new ServiceError('store_unavailable')
        return ledger.account(name)
      },
    },
  })
  return { world, recent: () => recent(tenant) }
}

test('reads an account once for all who ask, and anew after ten seconds', async () => {
  const { world, recent } = await openWorld()
  await Promise.all([recent(), recent(), recent()])
  world.time += 9_999
  await recent()
  expect(world.asked).toBe(1)
  world.time += 1
  const { tenant, ledger } = world
  await ledger.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {} })
  expect((await recent())?.mode).toBe('postpaid')
  expect(world.asked).toBe(2)
})

test('reads an account anew when the clock has jumped back', async () => {
  const { world, recent } = await openWorld()
  await recent()
  world.time -= 1
  await recent()
  expect(world.asked).toBe(2)
})

test('asks a ledger that is down once a second, and knows when it is back', async () => {
  const { world, recent } = await openWorld()
  world.isDown = true
  for (const _ of ['first', 'second']) {
    await expect(recent()).rejects.toMatchObject({ code: 'store_unavailable' })
  }
  world.isDown = false
  world.time += 999
  await expect(recent()).rejects.toThrow()
  world.time += 1
  expect((await recent())?.tenant).toBe(world.tenant)
  expect(world.asked).toBe(2)
})
