import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { AccountSettings, Ledger } from '#shared/metering/ledger.ts'
import type { PaidCall } from '#shared/metering/metered-call.ts'
import { auditLedger } from './audit.ts'
import { balanceOf, newTopUp } from './ledger-samples.ts'
import {
  answer,
  callOf,
  callOnce,
  chargesOf,
  modesMeter,
  openDiskLedger,
  openPostpaid,
  price,
} from './modes-world.ts'

let disk: ReturnType<typeof openDiskLedger>
beforeAll(() => {
  disk = openDiskLedger()
})
afterAll(() => disk.remove())

const singleWrite = { metering: 'single-write' } as const

/** The ledger with some of its operations replaced, and a list of all that were asked. */
function watched(changes: Partial<Ledger> = {}) {
  const asked: string[] = []
  const ledger = Object.fromEntries(
    Object.entries({ ...disk.ledger, ...changes }).map(([name, operation]) => [
      name,
      (...parameters: unknown[]) => {
        asked.push(name)
        return (operation as (...given: unknown[]) => unknown)(...parameters)
      },
    ]),
  ) as unknown as Ledger
  return { ledger, asked }
}

describe('an account that is metered with a single write', () => {
  test('is charged by one write before the answer leaves, and nothing is held', async () => {
    const { ledger, asked } = watched()
    const tenant = await openPostpaid(disk.ledger, singleWrite)
    const meter = modesMeter(ledger)
    const call = callOf(tenant)
    const ticket = await meter.begin(call)
    if (ticket.kind !== 'run') throw new Error('It is new.')
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, 0n])
    const receipt = await ticket.settle(answer, { calls: 1 })
    expect(receipt).toMatchObject({ charge: price, replayed: false, answer })
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, price])
    expect(await chargesOf(disk.ledger, tenant)).toMatchObject([
      { id: call.requestKey, amount: price, units: { calls: 1 }, reference: 'single-write' },
    ])
    expect(asked).toEqual(['account', 'sell'])
    expect(await auditLedger(disk.ledger, { now: Date.now(), tenants: [tenant] })).toEqual([])
  })

  test('pays nothing for a call that fails', async () => {
    const tenant = await openPostpaid(disk.ledger, singleWrite)
    const ticket = await modesMeter(disk.ledger).begin(callOf(tenant))
    if (ticket.kind === 'run') await ticket.release('inference_failed')
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, 0n])
  })

  const capped = { scope: 'key', id: 'acme/key-1', limits: { monthlySpend: 1_000n } } as const
  test.each<[string, Partial<AccountSettings>, Partial<PaidCall>]>([
    ['has a key', {}, { keyed: true }],
    ['counts its tries', {}, { retry: { pointer: 'pointer', count: 0 } }],
    ['comes with a capped key', {}, { parties: [capped] }],
    [
      'belongs to a capped project',
      { limits: { projects: { blue: { dailyCalls: 5 } } } },
      {
        project: 'blue',
      },
    ],
    ['is of a capped tenant', { limits: { monthlySpend: 1_000n } }, {}],
    ['is limited at a time', { limits: { concurrency: 5 } }, {}],
    ['is paid ahead', { mode: 'prepaid' }, {}],
  ])('is held and settled for a call that %s', async (_, settings, changes) => {
    const tenant = await openPostpaid(disk.ledger, { ...singleWrite, ...settings })
    await disk.ledger.post(newTopUp(tenant, 1_000n))
    const { ledger, asked } = watched()
    await callOnce(modesMeter(ledger), callOf(tenant, changes))
    expect(asked).toContain('reserve')
    expect(asked).not.toContain('sell')
    expect((await chargesOf(disk.ledger, tenant)).map(({ amount }) => amount)).toEqual([price])
  })

  test('is charged once where the reply to the write is lost', async () => {
    let tries = 0
    const { ledger } = watched({
      async sell(charge) {
        await disk.ledger.sell(charge)
        tries += 1
        if (tries === 1) throw new ServiceError('store_unavailable')
        return { kind: 'sold' }
      },
    })
    const tenant = await openPostpaid(disk.ledger, singleWrite)
    await callOnce(modesMeter(ledger), callOf(tenant))
    expect(tries).toBe(2)
    expect(await chargesOf(disk.ledger, tenant)).toHaveLength(1)
  })

  test('is given no answer that could not be charged', async () => {
    const tenant = await openPostpaid(disk.ledger, singleWrite)
    const down = watched({
      sell: async () => {
        throw new ServiceError('store_unavailable')
      },
    })
    await expect(callOnce(modesMeter(down.ledger), callOf(tenant))).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    // It becomes prepaid while the model runs.
    const ticket = await modesMeter(disk.ledger).begin(callOf(tenant))
    await disk.ledger.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {} })
    if (ticket.kind !== 'run') throw new Error('It is new.')
    await expect(ticket.settle(answer, { calls: 1 })).rejects.toMatchObject({
      code: 'attempt_superseded',
    })
    expect(await chargesOf(disk.ledger, tenant)).toEqual([])
  })

  test('is strict again at most ten seconds after somebody has said so', async () => {
    let time = Date.now()
    const { ledger, asked } = watched()
    const tenant = await openPostpaid(disk.ledger, singleWrite)
    const meter = modesMeter(ledger, { now: () => time })
    await callOnce(meter, callOf(tenant))
    await openStrict(tenant)
    time += 10_000
    await callOnce(meter, callOf(tenant))
    expect(asked.filter((name) => name === 'sell')).toHaveLength(1)
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, 2n * price])
  })

  const openStrict = (tenant: string) =>
    disk.ledger.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {} })
})
