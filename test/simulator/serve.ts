import { ServiceError } from '#shared/errors/service-error.ts'
import type { Meter, Receipt } from '#shared/metering/metered-call.ts'
import { type Attempt, answerText } from './attempt.ts'
import { timeoutMs } from './scenario.ts'

export type Reply =
  | { readonly kind: 'answered'; readonly receipt: Receipt }
  | { readonly kind: 'refused'; readonly error: ServiceError }

export interface ServeOptions {
  readonly attempt: Attempt
  readonly meter: Meter
  /** The attempt may run. */
  readonly onTicket: () => void
  /** The model's time. */
  readonly wait: (ms: number) => Promise<void>
}

/** One call as the service handles it: what the `meter` step does around the model, without HTTP. */
export async function serve({ attempt, meter, onTicket, wait }: ServeOptions): Promise<Reply> {
  try {
    const begun = await meter.begin(attempt.call)
    if (begun.kind === 'answered') return { kind: 'answered', receipt: begun }
    onTicket()
    try {
      await run(attempt, wait)
      const body = Buffer.from(answerText(attempt))
      const answer = { status: 200, headers: { 'x-attempt': attempt.id }, body }
      return { kind: 'answered', receipt: await begun.settle(answer, consumed(attempt)) }
    } catch (thrown) {
      const error = ServiceError.from(thrown)
      const isCallersMistake = error.status < 500 && !error.retryable
      const body = Buffer.from(`${error.code}|${attempt.id}`)
      const answer = { status: error.status, headers: {}, body }
      await begun.release(error.code, isCallersMistake ? answer : undefined)
      throw error
    }
  } catch (thrown) {
    return { kind: 'refused', error: ServiceError.from(thrown) }
  }
}

async function run({ client, plan }: Attempt, wait: ServeOptions['wait']): Promise<void> {
  if (client.payload === 'bad') throw new ServiceError('input_invalid')
  await wait(plan.fate === 'times-out' ? timeoutMs : plan.runMs)
  if (plan.fate === 'times-out') throw new ServiceError('deadline_exceeded')
  if (plan.fate === 'breaks') throw new ServiceError('inference_failed')
}

/** Compute time is known only afterwards; it may be under or over what was quoted. */
const consumed = ({ call, plan }: Attempt) =>
  call.priceName === 'compute' ? { ...call.units, computeMs: plan.computeMs } : call.units
