import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInvoice } from '#shared/account/create-invoice.ts'
import { usageReport } from '#shared/account/usage-report.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { AccountSettings, Ledger } from '#shared/metering/ledger.ts'
import type { PaidCall } from '#shared/metering/metered-call.ts'
import { sweep } from '#shared/metering/sweep.ts'
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
  timeoutMs,
} from './modes-world.ts'

let disk: ReturnType<typeof openDiskLedger>
beforeAll(() => {
  disk = openDiskLedger()
})
afterAll(() => disk.remove())

const leased = { metering: 'leased' } as const
const audit = (tenant: string, now = Date.now()) =>
  auditLedger(disk.ledger, { now, tenants: [tenant], atRest: true })
const times = <Item>(count: number, make: () => Item): Item[] => Array.from({ length: count }, make)
const codeOf = (error: unknown) => ServiceError.from(error).code

/** Waits that end when the test says so. */
function manualTime() {
  const waiting: (() => void)[] = []
  return {
    idle: () => new Promise<void>((resolve) => void waiting.push(resolve)),
    pass: () => {
      for (const resume of waiting.splice(0)) resume()
    },
  }
}

describe('an account that is metered by leases', () => {
  test('pays many calls with one hold and one charge, and its books agree to the last call', async () => {
    const tenant = await openPostpaid(disk.ledger, leased)
    const meter = modesMeter(disk.ledger)
    for (const _ of times(5, () => 0)) {
      await Promise.all(times(50, () => callOnce(meter, callOf(tenant))))
    }
    await meter.close()
    const charges = await chargesOf(disk.ledger, tenant)
    expect(charges.map(({ units }) => units.calls)).toEqual([100, 100, 50])
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, 250n * price])
    const now = Date.now()
    const range = { tenant, from: now - 3_600_000, to: now + 1_000, bucket: '1d' } as const
    const usage = await usageReport(disk.ledger, { ...range, groupBy: ['status'] })
    expect(usage).toMatchObject([{ calls: 250, amount: 250n * price }])
    const month = new Date(now).toISOString().slice(0, 7)
    const { summary, totals } = await createInvoice({ ledger: disk.ledger }, tenant, month)
    expect(summary).toMatchObject([{ calls: 250, amount: 250n * price }])
    expect(totals.due).toBe(250n * price)
    expect(await audit(tenant)).toEqual([])
  })

  test.each<[string, Partial<AccountSettings>]>([
    ['a cap of the month', { limits: { monthlySpend: 150n * price } }],
    ['credit that runs out', { mode: 'prepaid' }],
  ])('uses all that it has and passes nothing: %s', async (_, settings) => {
    const tenant = await openPostpaid(disk.ledger, { ...leased, ...settings })
    if (settings.mode) await disk.ledger.post(newTopUp(tenant, 150n * price))
    const meter = modesMeter(disk.ledger)
    const codes: string[] = []
    let answered = 0
    for (const _ of times(4, () => 0)) {
      const calls = times(60, () => callOnce(meter, callOf(tenant)))
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'fulfilled') answered += 1
        else codes.push(codeOf(outcome.reason))
      }
    }
    await meter.close()
    expect(answered).toBe(150)
    expect(new Set(codes)).toEqual(
      new Set([settings.mode ? 'credit_exhausted' : 'spend_cap_reached']),
    )
    expect((await disk.ledger.account(tenant))?.spent).toBe(150n * price)
    expect(await audit(tenant)).toEqual([])
  })

  test('tells each call its own price, and what is left of the credit', async () => {
    const tenant = await openPostpaid(disk.ledger, { ...leased, mode: 'prepaid' })
    await disk.ledger.post(newTopUp(tenant, 1_000_000n))
    const meter = modesMeter(disk.ledger)
    const [dear, cheap] = [7, 2].map((rows) =>
      callOf(tenant, { priceName: 'rows', units: { calls: 1, rows } }),
    ) as [PaidCall, PaidCall]
    expect(await callOnce(meter, dear)).toMatchObject({
      charge: 7_000n,
      account: { available: 993_000n },
    })
    expect(await callOnce(meter, cheap)).toMatchObject({
      charge: 2_000n,
      account: { available: 991_000n },
    })
    await meter.close()
    expect(await chargesOf(disk.ledger, tenant)).toMatchObject([
      { amount: 9_000n, units: { calls: 2, rows: 9 } },
    ])
    expect(await balanceOf(disk.ledger, tenant)).toEqual([991_000n, 0n, 9_000n])
  })

  test.each<[string, Partial<AccountSettings>, Partial<PaidCall>]>([
    ['has a key', {}, { keyed: true }],
    ['counts its tries', {}, { retry: { pointer: 'pointer', count: 1 } }],
    ['is one of so many a day', { limits: { dailyCalls: 5 } }, {}],
    ['is one of so many at a time', { limits: { concurrency: 5 } }, {}],
    ['is free', {}, { free: true }],
  ])('is held and settled alone for a call that %s', async (_, settings, changes) => {
    const tenant = await openPostpaid(disk.ledger, { ...leased, ...settings })
    const call = callOf(tenant, changes)
    await callOnce(modesMeter(disk.ledger), call)
    expect(await disk.ledger.find(tenant, call.requestKey)).toMatchObject({ state: 'done' })
  })

  test('pays nothing for calls that fail, and an unused hold is given back', async () => {
    const tenant = await openPostpaid(disk.ledger, leased)
    const meter = modesMeter(disk.ledger)
    for (const _ of times(3, () => 0)) {
      const ticket = await meter.begin(callOf(tenant))
      if (ticket.kind === 'run') await ticket.release('inference_failed')
    }
    await meter.close()
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, 0n])
    expect(await chargesOf(disk.ledger, tenant)).toEqual([])
    expect(await audit(tenant)).toEqual([])
  })

  test('is charged for what a block has sold when its time is over', async () => {
    const { idle, pass } = manualTime()
    const tenant = await openPostpaid(disk.ledger, leased)
    const meter = modesMeter(disk.ledger, { idle })
    await callOnce(meter, callOf(tenant))
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 100n * price, 0n])
    pass()
    await expect.poll(() => balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, price])
    // The next one opens a new one.
    await callOnce(meter, callOf(tenant))
    await meter.close()
    expect(await chargesOf(disk.ledger, tenant)).toHaveLength(2)
  })

  test('loses the calls of its open blocks in a crash, at most as many as said, and pays none twice', async () => {
    const tenant = await openPostpaid(disk.ledger, leased)
    // Nobody closes it.
    const meter = modesMeter(disk.ledger, { blockCalls: 20, mostBlocks: 3 })
    await Promise.all(times(50, () => callOnce(meter, callOf(tenant))))
    await expect.poll(async () => (await chargesOf(disk.ledger, tenant)).length).toBe(2)
    const later = Date.now() + 5_000 + timeoutMs + 5_000 + 11_000
    expect(await sweep({ ledger: disk.ledger, now: () => later })).toMatchObject({ released: 1 })
    const charged = (await chargesOf(disk.ledger, tenant)).reduce(
      (sum, { units }) => sum + (units.calls ?? 0),
      0,
    )
    expect(charged).toBe(40)
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, 40n * price])
    expect(await audit(tenant)).toEqual([])
    // A process that was only asleep is told so, and its block is not charged after all.
    const lost: number[] = []
    const sleeper = modesMeter(disk.ledger, { onLost: ({ calls }) => lost.push(calls) })
    await Promise.all(times(3, () => callOnce(sleeper, callOf(tenant))))
    await sweep({ ledger: disk.ledger, now: () => later + 1_000 })
    await sleeper.close()
    expect(lost).toEqual([3])
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, 40n * price])
  })

  test('has no more calls unsettled than was said: the others are held and settled one by one', async () => {
    const tenant = await openPostpaid(disk.ledger, leased)
    let isDown = true
    const down: Ledger = {
      ...disk.ledger,
      settle: (asked) =>
        isDown && asked.requestKey.startsWith('block-')
          ? Promise.reject(new ServiceError('store_unavailable'))
          : disk.ledger.settle(asked),
    }
    const meter = modesMeter(down, { blockCalls: 10, mostBlocks: 2 })
    for (const _ of times(45, () => 0)) await callOnce(meter, callOf(tenant))
    expect(await chargesOf(disk.ledger, tenant)).toHaveLength(25)
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 20n * price, 25n * price])
    isDown = false
    await meter.close()
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, 45n * price])
  })

  test('is charged once the ledger answers again, and once only', async () => {
    const { idle, pass } = manualTime()
    const tenant = await openPostpaid(disk.ledger, leased)
    let fails = 7
    const unsteady: Ledger = {
      ...disk.ledger,
      async settle(asked) {
        fails -= 1
        // Now and then it is done, and nobody learns of it.
        if (fails < 3) await disk.ledger.settle(asked)
        if (fails > 0) throw new ServiceError('store_unavailable')
        return disk.ledger.settle(asked)
      },
    }
    const meter = modesMeter(unsteady, { idle, blockCalls: 4 })
    for (const _ of times(5, () => 0)) await callOnce(meter, callOf(tenant))
    await expect
      .poll(async () => {
        pass()
        return (await disk.ledger.account(tenant))?.spent
      })
      .toBe(5n * price)
    await meter.close()
    expect(await audit(tenant)).toEqual([])
  })

  test('does not wait for ever for a call that never ends, nor sells it afterwards', async () => {
    const { idle, pass } = manualTime()
    const tenant = await openPostpaid(disk.ledger, leased)
    const meter = modesMeter(disk.ledger, { idle })
    await callOnce(meter, callOf(tenant))
    const hung = await meter.begin(callOf(tenant))
    await expect
      .poll(async () => {
        pass()
        return (await disk.ledger.account(tenant))?.spent
      })
      .toBe(price)
    if (hung.kind !== 'run') throw new Error('It is new.')
    await expect(hung.settle(answer, { calls: 1 })).rejects.toMatchObject({
      code: 'attempt_superseded',
    })
    await hung.release('attempt_superseded')
    await meter.close()
    expect(await balanceOf(disk.ledger, tenant)).toEqual([0n, 0n, price])
  })

  test('is never mixed with what another key, model or price has sold', async () => {
    const tenant = await openPostpaid(disk.ledger, leased)
    const meter = modesMeter(disk.ledger)
    const changes: Partial<PaidCall>[] = [
      {},
      { keyId: 'key-2' },
      { model: 'iris@2' },
      { modelDigest: 'other' },
      { project: 'blue' },
      { priceName: 'rows', units: { calls: 1, rows: 1 } },
    ]
    for (const change of [...changes, ...changes]) await callOnce(meter, callOf(tenant, change))
    await meter.close()
    const charges = await chargesOf(disk.ledger, tenant)
    expect(charges.map(({ units }) => units.calls)).toEqual(changes.map(() => 2))
    const sales = charges.map(({ sale }) => JSON.stringify(sale))
    expect(new Set(sales).size).toBe(changes.length)
    await expect(callOnce(meter, callOf(tenant, { priceName: 'euros' }))).rejects.toMatchObject({
      code: 'currency_mismatch',
    })
  })
})
