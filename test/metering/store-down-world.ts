import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { drainOutbox } from '#shared/metering/drain-outbox.ts'
import type { AccountSettings, CallLimits, Ledger } from '#shared/metering/ledger.ts'
import type { Meter } from '#shared/metering/metered-call.ts'
import type { PriceBook } from '#shared/metering/price-book.ts'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { createSqliteSaleOutbox } from '#shared/metering/sqlite-sale-outbox.ts'
import { createTrustedMeter } from '#shared/metering/trusted-meter.ts'
import { startLocalService } from '#test/support/local-service.ts'
import { auditLedger, readEntries } from './audit.ts'
import { fresh, newTopUp } from './ledger-samples.ts'

export interface StoreDownOptions {
  mostCalls?: number
  now?: () => number
  /** Default: a file of SQLite. */
  openOutbox?: (folder: string, mostCalls: number) => SaleOutbox
  openMeter?: (ledger: Ledger, prices: PriceBook, outbox: SaleOutbox) => Meter
}

/** The service with a ledger that can be taken away, and a new tenant that has called once. */
export async function startStoreDown({
  mostCalls = 10,
  now = Date.now,
  openOutbox = (folder, mostCalls) =>
    createSqliteSaleOutbox({ path: join(folder, 'outbox.sqlite'), mostCalls }),
  openMeter = (ledger, prices, outbox) =>
    createTrustedMeter({
      ledger,
      prices,
      outbox,
      now,
      newId: () => fresh('fence'),
      sleep: async () => {},
    }),
}: StoreDownOptions = {}) {
  const service = await startLocalService({ PERCALL_LOG: 'silent' })
  const folder = mkdtempSync(join(tmpdir(), 'percall-outbox-'))
  const open = () => openOutbox(folder, mostCalls)
  const { ledger: real, keyStore, pepper, prices } = service.services
  const { ledger, line } = breakable(real)
  const state = { runs: 0, outbox: open() }
  const endpointOf = (outbox: SaleOutbox) =>
    localEndpoint({
      ...service.services,
      ledger,
      meter: openMeter(ledger, prices, outbox),
      runner: {
        ...service.services.runner,
        predict: (...asked) => {
          state.runs += 1
          return service.services.runner.predict(...asked)
        },
      },
    })
  let endpoint = endpointOf(state.outbox)

  async function newCaller(settings: Partial<AccountSettings>, keyLimits?: CallLimits) {
    const tenant = fresh('tenant')
    await real.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {}, ...settings })
    if (settings.mode === 'prepaid') await real.post(newTopUp(tenant, 10_000n))
    const manager = createKeyManager({ keyStore, pepper, tenant })
    const { key } = await manager.create({
      name: 'key',
      scopes: ['predict'],
      mode: 'live',
      limits: keyLimits,
    })
    const call = (headers: Record<string, string> = {}) =>
      endpoint({
        method: 'POST',
        path: '/v1/models/iris/predict',
        query: {},
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        body: Buffer.from('{"inputs":[[5.1,3.5,1.4,0.2]]}'),
        sourceIp: '127.0.0.1',
      })
    const charges = async () =>
      (await readEntries(real, tenant, 100))
        .filter(({ type }) => type === 'charge')
        .map(({ amount }) => amount)
    await call()
    state.runs = 0
    return { tenant, call, charges }
  }
  return {
    services: { ...service.services, ledger },
    state,
    line,
    newCaller,
    drain: (at: () => number = Date.now) =>
      drainOutbox({ ledger, outbox: state.outbox, newId: () => fresh('fence'), now: at }),
    audit: () => auditLedger(real, { now: Date.now(), atRest: true }),
    /** A new process with the same file. */
    async restart() {
      await state.outbox.close()
      state.outbox = open()
      endpoint = endpointOf(state.outbox)
    },
    async stop() {
      await state.outbox.close()
      await service.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** `line.down` breaks all of it; `line.unheard` does the next of these and says it failed. */
function breakable(real: Ledger) {
  const line = { down: false, unheard: '' }
  const through = (name: string, operation: () => unknown) => {
    if (line.down) return Promise.reject(new ServiceError('store_unavailable'))
    if (line.unheard !== name) return operation()
    line.unheard = ''
    return Promise.resolve(operation()).then(() => {
      throw new ServiceError('store_unavailable')
    })
  }
  const ledger = Object.fromEntries(
    Object.entries(real).map(([name, operation]) => [
      name,
      (...args: unknown[]) =>
        through(name, () => (operation as (...a: unknown[]) => unknown)(...args)),
    ]),
  ) as unknown as Ledger
  return { ledger, line }
}
