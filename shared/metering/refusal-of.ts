import { ServiceError } from '#shared/errors/service-error.ts'
import type { ReserveOutcome } from './ledger.ts'
import { formatMicros } from './money.ts'

type Refusal = Exclude<ReserveOutcome, { kind: 'reserved' } | { kind: 'replay' }>

/** Why a call may not run, in the words of the table. */
export function refusalOf(outcome: Refusal, now: number): ServiceError {
  switch (outcome.kind) {
    case 'mismatch':
      return new ServiceError('idempotency_key_reused')
    case 'gone':
      return new ServiceError('answer_expired')
    case 'no-account':
      return new ServiceError('account_missing')
    case 'in-flight':
      return new ServiceError('request_in_flight', {
        retryAfterSeconds: Math.min(5, Math.max(1, (outcome.leaseUntil - now) / 1_000)),
      })
    case 'no-credit':
      return new ServiceError('credit_exhausted', {
        detail: `${formatMicros(outcome.available)} are available.`,
      })
    case 'limit':
      return limitRefusal(outcome, now)
  }
}

function limitRefusal({ counter }: Extract<Refusal, { kind: 'limit' }>, now: number): ServiceError {
  const of = `of this ${counter.scope}`
  if (counter.kind === 'spend') {
    return new ServiceError('spend_cap_reached', {
      detail: `The ${counter.scope === 'job' ? '' : 'monthly '}cap ${of} is ${formatMicros(counter.limit ?? 0n)}.`,
    })
  }
  if (counter.kind === 'concurrency') {
    return new ServiceError('concurrency_exceeded', {
      detail: `${counter.limit} calls ${of} may run at a time.`,
      retryAfterSeconds: 1,
    })
  }
  return new ServiceError('quota_exceeded', {
    detail: `${counter.limit} calls ${of} are allowed a day.`,
    retryAfterSeconds: Math.ceil((86_400_000 - (now % 86_400_000)) / 1_000),
  })
}
