import type { CounterHold, LedgerEntry, Release, Settlement, StoredAnswer } from './ledger.ts'
import type { Micros } from './money.ts'

/** How a request ends, whichever way: what becomes of it, and the entry that says so. */
export interface RequestEnding extends Pick<Settlement, 'tenant' | 'requestKey' | 'fence' | 'now'> {
  readonly state: 'done' | 'void' | 'rejected'
  /** With `done`. */
  readonly charge: Micros | undefined
  /** With `done` and `rejected`. */
  readonly answer: StoredAnswer | undefined
  readonly entry: Pick<LedgerEntry, 'id' | 'type' | 'units' | 'reference'>
}

/** A request goes on existing this long after its answer expired, for clocks that disagree. */
const keptAfterExpiryMs = 60 * 60 * 1_000
/** So long another payload under the key of a void request is still seen to be a mistake. */
const keptVoidMs = 24 * 60 * 60 * 1_000

export const requestEnding = {
  fromSettlement: ({ charge, units, answer, ...settlement }: Settlement): RequestEnding => ({
    ...settlement,
    state: 'done',
    charge,
    answer,
    entry: { id: settlement.requestKey, type: 'charge', units, reference: undefined },
  }),

  fromRelease: ({ outcome, reason, ...release }: Release): RequestEnding => ({
    ...release,
    state: outcome.kind,
    charge: undefined,
    answer: outcome.kind === 'rejected' ? outcome.answer : undefined,
    entry: {
      id: `${release.requestKey}:${release.fence}`,
      type: outcome.kind === 'rejected' ? 'rejection' : 'void',
      units: {},
      reference: reason,
    },
  }),

  /** When the request may be forgotten; its entry stays. */
  forgetAt: ({ answer, now }: RequestEnding): number =>
    answer ? answer.expiresAt + keptAfterExpiryMs : now + keptVoidMs,

  /** What a counter gets back: a call that was sold stays counted, with what it cost. */
  givenBack({ charge }: RequestEnding, { kind, amount }: CounterHold): bigint {
    if (charge === undefined) return amount
    return { spend: amount - charge, calls: 0n, concurrency: amount }[kind]
  },
}
