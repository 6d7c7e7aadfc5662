import { ServiceError } from '#shared/errors/service-error.ts'
import type { LedgerEntry } from '#shared/metering/ledger.ts'
import type { Handled } from './batch-services.ts'
import { chunkKey } from './chunk-key.ts'
import type { Job } from './job.ts'
import type { PublishingServices } from './publish-job.ts'
import { settleRunning } from './settle-running.ts'
import { manifestKey } from './write-manifest.ts'

/** After so many attempts it is no passing error: bytes that came wrong may come right. */
const attemptsBeforeFailure = 4

/**
 * Ends a job whose outputs cannot be put together any more: a part was deleted or is damaged. Who
 * gets no outputs pays nothing, so that all its chunks are refunded before it is `failed`.
 *
 * @param receives how often the message was delivered
 * @throws what was thrown, where another attempt may get over it
 */
export async function giveUp(
  job: Job,
  thrown: unknown,
  receives: number,
  services: PublishingServices,
): Promise<Handled> {
  const { jobs, objects, now } = services
  const { code, retryable, message } = ServiceError.from(thrown)
  const isPassing = (retryable && code !== 'internal') || receives < attemptsBeforeFailure
  // Somebody has published it meanwhile, and only has to say so.
  if (isPassing || (await objects.head(manifestKey(job.order)))) throw thrown
  const lost = new ServiceError('results_lost')
  const problem =
    code === 'object_gone'
      ? { code: lost.code, message: `${lost.title} ${message}` }
      : { code, message }
  const failing = await jobs.change(job.id, [job.state], {
    state: 'failing',
    problems: [problem],
    at: now(),
  })
  // Who dies here is followed by the reconciler.
  return failing ? endFailing(failing, services) : 'done'
}

/** Gives back what the chunks of a `failing` job were charged; it may be repeated. */
export async function endFailing(job: Job, services: PublishingServices): Promise<Handled> {
  const { jobs, now } = services
  // What is sold after the refunds would stay charged.
  if (!(await settleRunning(job, services))) return { againAfterMs: 1_000 }
  for (let chunk = 0; chunk < job.chunks; chunk += 1) {
    await refundChunk(job, chunk, services)
  }
  await jobs.change(job.id, ['failing'], { state: 'failed', at: now() })
  return 'done'
}

/** The id of the entry that gives back what a chunk was charged. */
export const refundKey = (jobId: string, chunk: number): string =>
  `refund-${chunkKey(jobId, chunk)}`

async function refundChunk(
  { id, order: { tenant } }: Job,
  chunk: number,
  { ledger, now }: PublishingServices,
): Promise<void> {
  const charge = await ledger.entry(tenant, chunkKey(id, chunk))
  if (!charge || charge.amount === 0n) return
  const entry: LedgerEntry = {
    tenant,
    id: refundKey(id, chunk),
    type: 'refund',
    amount: charge.amount,
    currency: charge.currency,
    at: now(),
    sale: charge.sale,
    units: {},
    reference: charge.id,
    creditExpiresAt: undefined,
  }
  const posted = await ledger.post(entry)
  // A person has given back a part of it, by an entry of another id.
  if (posted.kind === 'not-refundable' && posted.left > 0n) {
    await ledger.post({ ...entry, amount: posted.left })
  }
}
