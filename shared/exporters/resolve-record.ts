import { ServiceError } from '#shared/errors/service-error.ts'
import type { Outbox, OutboxRecord } from './outbox.ts'

export interface ResolveRecordOptions {
  readonly outbox: Outbox
  readonly sink: string
  readonly id: string
  /** What the sink's own books say: `present` closes the record, `absent` has it sent. */
  readonly found: 'present' | 'absent'
  readonly now?: () => number
}

const mostLookedThrough = 10_000

/**
 * Ends what needs a person: a record whose arrival is in doubt, or one that was refused and whose
 * cause has been mended (it is `absent`, then).
 *
 * @throws ServiceError `resource_not_found` where no record of this id waits for anybody
 */
export async function resolveRecord(options: ResolveRecordOptions): Promise<OutboxRecord> {
  const { outbox, sink, id, found, now = Date.now } = options
  const certain = { uncertainSince: undefined, reason: undefined, nextAttemptAt: now() }
  const change = { ...certain, state: found === 'present' ? 'sent' : 'pending' } as const
  for (const state of ['needs-reconciliation', 'failed'] as const) {
    const waiting = await outbox.list({ sink, state, limit: mostLookedThrough })
    const record = waiting.find((candidate) => candidate.id === id)
    const resolved = record && (await outbox.mark(record, change))
    if (resolved) return resolved
  }
  throw new ServiceError('resource_not_found', {
    detail: 'No record of this id needs to be resolved.',
  })
}
