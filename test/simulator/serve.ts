import { ServiceError } from '#shared/errors/service-error.ts'
import type { Meter, Receipt, Ticket } from '#shared/metering/metered-call.ts'
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
  /** Says that it goes on. */
  readonly onRenewal: (renew: () => Promise<void>) => Promise<void>
  /** The model's time. */
  readonly wait: (ms: number) => Promise<void>
}

/** One call as the service handles it: what the `meter` step does around the model, without HTTP. */
export async function serve(options: ServeOptions): Promise<Reply> {
  const { attempt, meter, onTicket } = options
  try {
    const begun = await meter.begin(attempt.call)
    if (begun.kind === 'answered') return { kind: 'answered', receipt: begun }
    onTicket()
    try {
      await run(options, begun)
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

const renewEveryMs = timeoutMs / 2

async function run({ attempt, onRenewal, wait }: ServeOptions, ticket: Ticket): Promise<void> {
  const { client, plan } = attempt
  if (client.payload === 'bad') throw new ServiceError('input_invalid')
  let leftMs = plan.fate === 'times-out' ? timeoutMs : plan.runMs
  for (; plan.renews && leftMs > renewEveryMs; leftMs -= renewEveryMs) {
    await wait(renewEveryMs)
    await onRenewal(() => ticket.renew())
  }
  await wait(leftMs)
  if (plan.fate === 'times-out') throw new ServiceError('deadline_exceeded')
  if (plan.fate === 'breaks') throw new ServiceError('inference_failed')
}

/** Compute time is known only afterwards; it may be under or over what was quoted. */
const consumed = ({ call, plan }: Attempt) =>
  call.priceName === 'compute' ? { ...call.units, computeMs: plan.computeMs } : call.units
