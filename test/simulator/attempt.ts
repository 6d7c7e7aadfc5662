import type { PaidCall } from '#shared/metering/metered-call.ts'
import type { ClientPlan, TryPlan } from './scenario.ts'
import type { Actor } from './scheduler.ts'

/** One try of a client, as the service works on it. Its id is its fence and part of its answer. */
export interface Attempt {
  readonly id: string
  readonly actor: Actor
  readonly client: ClientPlan
  readonly plan: TryPlan
  readonly call: PaidCall
  /** When it first asked to reserve, in true time. */
  askedAt?: number
  /** When it learned that it may run. */
  ticketAt?: number
  /** The end of its lease, as long as it was renewed in time. */
  leaseUntil?: number
  /** What the ledger has said to the renewal that is under way. */
  renewals?: string[]
  ended?: boolean
  /** The ledger refused its charge. */
  isGuarded?: boolean
  /** The request that it was told to be a retry of. */
  found?: string
}

/** What the model answers: who asked, what, and which attempt worked on it. */
export const answerText = ({ id, client }: Attempt): string =>
  `${client.tenant.name}|${client.payload}|${id}`

export function readAnswer(text: string) {
  const [tenant = '', payload = '', attempt = ''] = text.split('|')
  return { tenant, payload, attempt }
}

export const textOf = (body: Uint8Array | undefined): string =>
  body ? Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString() : ''
