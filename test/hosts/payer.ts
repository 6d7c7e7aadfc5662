import { createKeyManager } from '#shared/access/manage-keys.ts'
import type { AccountSettings, Ledger, Reservation } from '#shared/metering/ledger.ts'
import { identifyRequest } from '#shared/metering/request-identity.ts'
import { fresh, newReservation, newTopUp } from '#test/metering/ledger-samples.ts'
import type { useHost } from './client.ts'

type NewKey = Parameters<ReturnType<typeof createKeyManager>['create']>[0]

export interface PayerOptions extends Partial<Omit<AccountSettings, 'tenant'>> {
  /** Micros; a call of iris costs 100. */
  readonly credit?: bigint
  readonly key?: Partial<NewKey>
}

export type Payer = Awaited<ReturnType<typeof newPayer>>

const path = '/v1/models/iris/predict'
const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }

/** A tenant of its own on a host, with a live key. */
export async function newPayer(client: ReturnType<typeof useHost>, options: PayerOptions = {}) {
  const { credit = 0n, key: keyOptions, ...settings } = options
  const { ledger, keyStore, pepper } = client.host
  const tenant = fresh('payer')
  await ledger.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {}, ...settings })
  if (credit > 0n) await ledger.post(newTopUp(tenant, credit, { at: Date.now() }))
  const newKey = (changes: Partial<NewKey> = {}) =>
    createKeyManager({ keyStore, pepper, tenant }).create({
      name: 'payer',
      scopes: ['predict'],
      mode: 'live',
      ...keyOptions,
      ...changes,
    })
  const { key, summary } = await newKey()

  return {
    tenant,
    keyId: summary.id,
    newKey,
    /** One call of iris unless `to` says otherwise. */
    call: (headers: Record<string, string> = {}, body: unknown = iris, to = path) =>
      client.post(to, body, { authorization: `Bearer ${key}`, ...headers }),
    /** `available, held, spent`. */
    async balance() {
      const { available, held, spent } = (await ledger.account(tenant)) ?? {}
      return [available, held, spent]
    },
    charges: () => chargesOf(ledger, tenant),
    /** The reservation that a call with this idempotency key makes. */
    reservation(idempotencyKey: string, changes: Partial<Reservation> = {}): Reservation {
      const { requestKey, fingerprint } = identifyRequest({
        tenant,
        mode: summary.mode,
        keyId: summary.id,
        request: {
          method: 'POST',
          path,
          query: {},
          headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
          body: Buffer.from(JSON.stringify(iris)),
        },
        newId: () => '',
      })
      const now = Date.now()
      const asked = { requestKey, fingerprint, hold: 100n, now, leaseUntil: now + 60_000 }
      return newReservation(tenant, { ...asked, ...changes })
    },
  }
}

async function chargesOf(ledger: Ledger, tenant: string): Promise<bigint[]> {
  const { entries } = await ledger.entries({ tenant, types: ['charge'], limit: 1_000 })
  return entries.map(({ amount }) => amount)
}
