import type { Ledger, Reservation } from '#shared/metering/ledger.ts'
import { readEntries } from './audit.ts'
import {
  comparable,
  day,
  newAnswer,
  newReservation,
  newTopUp,
  releaseOf,
  settlementOf,
  start,
} from './ledger-samples.ts'

/** One operation, the same however often it is asked for. */
export type KillStep = (ledger: Ledger) => Promise<{ readonly kind: string } | undefined>

const tenant = 'acme'
const counters = (['spend', 'calls', 'concurrency'] as const).map((kind) => ({
  id: `key:k1:${kind}`,
  scope: 'key' as const,
  kind,
  amount: kind === 'spend' ? 10n : 1n,
  limit: 1_000n,
}))
const attempt = (requestKey: string, fence = 'first', changes: Partial<Reservation> = {}) =>
  newReservation(tenant, { requestKey, fence: `${requestKey}-${fence}`, counters, ...changes })

const answer = newAnswer({ expiresAt: start + 3 * day })
const large = { ...answer, body: new Uint8Array(150_000).fill(7) }
const [small, big, failed, refused] = ['small', 'big', 'failed', 'refused'].map((key) =>
  attempt(key),
) as [Reservation, Reservation, Reservation, Reservation]
const abandoned = attempt('slow')
const takeover = attempt('slow', 'second', { now: start + 40_000, leaseUntil: start + day })
const crowd = ['a', 'b', 'c', 'd'].map((key) => attempt(key))
const posted = (id: string, type: 'topup' | 'refund' | 'expiry', amount: bigint, about?: string) =>
  newTopUp(tenant, amount, { id, type, reference: about, at: start + 50_000 })

/** All that a ledger does, in order; what is in one group is asked for at the same time. */
export const killScenario: readonly (readonly KillStep[])[] = [
  [(ledger) => settings(ledger)],
  [(ledger) => ledger.post(posted('payment', 'topup', 500n))],
  [(ledger) => ledger.reserve(small)],
  [(ledger) => ledger.settle(settlementOf(small, { charge: 6n, answer }))],
  [(ledger) => ledger.reserve(big)],
  [(ledger) => ledger.settle(settlementOf(big, { answer: large }))],
  [(ledger) => ledger.reserve(failed)],
  [(ledger) => ledger.release(releaseOf(failed))],
  [(ledger) => ledger.reserve(refused)],
  [
    (ledger) =>
      ledger.release(releaseOf(refused, { outcome: { kind: 'rejected', answer: large } })),
  ],
  [(ledger) => ledger.reserve(abandoned)],
  [(ledger) => ledger.reserve(takeover)],
  [(ledger) => ledger.settle(settlementOf(takeover, { charge: 9n, answer }))],
  crowd.map((asked) => (ledger) => ledger.reserve(asked)),
  crowd.map((asked, index) => (ledger) => {
    return index === 0
      ? ledger.release(releaseOf(asked))
      : ledger.settle(settlementOf(asked, { charge: BigInt(index), answer }))
  }),
  [(ledger) => ledger.post(posted('correction', 'refund', 6n, 'small'))],
  [(ledger) => ledger.post(posted('expired', 'expiry', 100n))],
]

const settings = (ledger: Ledger) =>
  ledger.putAccount({ tenant, currency: 'USD', mode: 'prepaid', limits: {} }).then(() => undefined)

/** Everything that the scenario can leave behind. */
export async function killBooks(ledger: Ledger) {
  const requests = [small, big, failed, refused, abandoned, ...crowd]
  return {
    account: comparable(await ledger.account(tenant)),
    counters: await ledger.counters(counters.map(({ id }) => id)),
    entries: (await readEntries(ledger, tenant, 5)).map(comparable),
    requests: await Promise.all(
      requests.map(async ({ requestKey }) => comparable(await ledger.find(tenant, requestKey))),
    ),
  }
}
