import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import type { LeasedMeter } from '#shared/metering/leased-meter.ts'
import type { MeteringMode } from '#shared/metering/ledger.ts'
import { sweep } from '#shared/metering/sweep.ts'
import { createRandom } from '#test/simulator/random.ts'
import { auditLedger, readEntries } from './audit.ts'
import { stormPath } from './call-storm.ts'
import { startFaultyService } from './faulty-service.ts'
import { composeMeter } from './modes-world.ts'

/** Calls of each mode; 10,000 in the full proof. */
const calls = Number(process.env.PERCALL_CALLS ?? 600)
const concurrency = 64
/** Of blocks so little is asked of the store that more of it has to fail. */
const shares = { strict: 0.02, 'single-write': 0.02, leased: 0.1 }
const price = 100n
const blockMs = 500

test.each<MeteringMode>(['strict', 'single-write', 'leased'])(
  `${calls} calls without keys are charged as often as answered, with faults everywhere: %s`,
  async (metering) => {
    const random = createRandom(20_261_125)
    const share = shares[metering]
    const meters: LeasedMeter[] = []
    const service = await startFaultyService({
      random,
      share,
      environment: {},
      makeMeter(options) {
        const idle = (ms: number) => sleep(ms, undefined, { ref: false })
        const blocks = { blockCalls: 25, mostBlocks: 20, blockMs }
        const meter = composeMeter({ ...options, ...blocks, idle, sleep: () => sleep(5) })
        meters.push(meter)
        return meter
      },
    })
    const { ledger, keyStore, pepper } = service.services
    const tenant = 'buyer'
    await ledger.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {}, metering })
    const manager = createKeyManager({ keyStore, pepper, tenant })
    const { key } = await manager.create({ name: 'storm', scopes: ['predict'], mode: 'live' })

    const agent = new Agent({ keepAlive: true, maxSockets: concurrency })
    const body = '{"inputs":[[5.1,3.5,1.4,0.2]]}'
    /** @returns the status; 0 where the caller hung up, or was hung up on */
    const call = () =>
      new Promise<number>((resolve) => {
        const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
        const outgoing = request(service.url + stormPath, { method: 'POST', agent, headers })
        outgoing.once('error', () => resolve(0))
        outgoing.once('response', (response) => {
          response.resume().once('close', () => {
            resolve(response.complete ? (response.statusCode ?? 0) : 0)
          })
        })
        outgoing.end(body)
        if (random.chance(share)) setTimeout(() => outgoing.destroy(), random.integer(0, 12))
      })
    const statuses: number[] = []
    // For a second after a failure nobody opens a block: another wave finds another second.
    const waves = metering === 'leased' ? 6 : 1
    for (let wave = 1; wave <= waves; wave += 1) {
      if (wave > 1) await sleep(1_000)
      let left = Math.floor((calls * wave) / waves) - statuses.length
      const work = async () => {
        while (left-- > 0) statuses.push(await call())
      }
      await Promise.all(Array.from({ length: concurrency }, work))
    }
    agent.destroy()
    await Promise.all(meters.map((meter) => meter.close()))
    await service.leasesEnd()
    // A block is drawn from before its calls run.
    await sleep(blockMs)
    await sweep({ ledger, graceMs: 0 })

    const charges = (await readEntries(ledger, tenant, 1_000)).filter(
      ({ type }) => type === 'charge',
    )
    const charged = charges.reduce((sum, { units }) => sum + (units.calls ?? 0), 0)
    const answered = statuses.filter((status) => status === 200).length
    const unheard = statuses.filter((status) => status === 0 || status === 503).length
    expect(statuses).toHaveLength(calls)
    expect(charged).toBeGreaterThanOrEqual(answered)
    // Charged, and the answer was lost on its way; no failure of the model is among them.
    expect(charged).toBeLessThanOrEqual(answered + unheard)
    const account = await ledger.account(tenant)
    expect(account).toMatchObject({ held: 0n, spent: BigInt(charged) * price })
    const options = { now: Date.now(), atRest: true, tenants: [tenant] }
    expect(await auditLedger(ledger, options)).toEqual([])
    const inBlocks = charges.filter(({ units }) => (units.calls ?? 0) > 1)
    expect(inBlocks.length > 0).toBe(metering === 'leased')
    // A proof in which nothing has failed would prove nothing.
    for (const failed of [service.faults.lost + service.faults.unheard, service.failures.model]) {
      expect(failed).toBeGreaterThan(0)
    }
    await service.stop()
    console.info(
      `${metering}: ${answered} of ${calls} answered, ${charged} charged in ${charges.length} ` +
        `entries, ${unheard} unheard; store ${service.faults.lost + service.faults.unheard}, ` +
        `model ${service.failures.model} faults`,
    )
  },
  60_000 + calls * 40,
)
