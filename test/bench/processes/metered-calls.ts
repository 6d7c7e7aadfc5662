import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { modelEndpoint } from '#shared/endpoints/model-endpoint.ts'
import type { CallLimits } from '#shared/metering/ledger.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { cacheFolder } from '../harness/cache-folder.ts'
import { clock } from '../harness/clock.ts'
import { localService } from '../harness/local-service.ts'
import { statistics } from '../harness/statistics.ts'
import { tell } from '../harness/tell.ts'
import { unmeteredEndpoint } from '../harness/unmetered-endpoint.ts'

/**
 * iris through its endpoint in process: not metered, metered, and metered with every limit there is,
 * in turn; then as many calls as it can.
 */
const [, , calls = '', environment = '{}'] = process.argv
const warmUpCalls = Math.ceil(Number(calls) / 4)
const together = 64
const { services } = await localService('inline', undefined, JSON.parse(environment))
const { sample } = services.catalog.find('iris')
const body = Buffer.from(JSON.stringify(sample))
const metered = modelEndpoint('iris', services)

const limits: CallLimits = {
  monthlySpend: 10n ** 15n,
  dailyCalls: 1_000_000_000,
  concurrency: 1_000,
  rate: { perMinute: 600_000_000, burst: 1_000_000 },
}
const plain = await openAccount('bench-plain', {})
const limited = await openAccount('bench-limited', limits)

async function openAccount(tenant: string, of: CallLimits) {
  const { ledger, keyStore, pepper } = services
  await ledger.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: of })
  const manager = createKeyManager({ keyStore, pepper, tenant })
  const { key } = await manager.create({ name: 'bench', scopes: ['predict'], mode: 'live' })
  return key
}

const callOf = (endpoint: Endpoint, key: string) => async () => {
  const { status } = await endpoint({
    method: 'POST',
    path: '/v1/models/iris/predict',
    query: {},
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body,
    sourceIp: '127.0.0.1',
  })
  if (status !== 200) throw new Error(`The endpoint answered ${status}.`)
}
const file = openSync(cacheFolder('home', 'flush'), 'w')
const page = Buffer.alloc(4_096, 1)
const ways = {
  /** What the disk alone takes: a page at the end of a file, and the wait for it. */
  async flush() {
    writeSync(file, page)
    fdatasyncSync(file)
  },
  unmetered: callOf(unmeteredEndpoint('iris', services), plain),
  metered: callOf(metered, plain),
  limited: callOf(metered, limited),
}
const names = ['flush', 'unmetered', 'metered', 'limited'] as const
const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as unknown as Record<
  (typeof names)[number],
  number[]
>
for (let call = 0; call < warmUpCalls + Number(calls); call += 1) {
  for (const way of names) {
    const start = clock()
    await ways[way]()
    if (call >= warmUpCalls) times[way].push(clock() - start)
  }
}

closeSync(file)

let left = Number(calls) * 4
const start = clock()
await Promise.all(
  Array.from({ length: together }, async () => {
    while (left-- > 0) await ways.metered()
  }),
)
tell({
  flush: statistics(times.flush).median,
  unmetered: statistics(times.unmetered).median,
  metered: statistics(times.metered).median,
  limited: statistics(times.limited).median,
  perSecond: (Number(calls) * 4) / ((clock() - start) / 1_000),
})
process.exit()
