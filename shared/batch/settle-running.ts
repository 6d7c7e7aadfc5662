import type { RequestRecord } from '#shared/metering/ledger.ts'
import { chunkKey } from './chunk-key.ts'
import type { Job } from './job.ts'
import type { PublishingServices } from './publish-job.ts'
import { reportFrom } from './report-from.ts'
import { reportsOf } from './send-chunks.ts'

/**
 * Of a stopped job: counts the chunks that were settled and not yet told of. `false` while some may
 * still be running. No chunk can begin behind its back: who reserves one looks at the job again
 * before he runs it.
 */
export async function settleRunning(
  job: Job,
  { ledger, jobs, now }: PublishingServices,
): Promise<boolean> {
  const known = new Set<number>()
  for await (const { chunk } of reportsOf(job.id, jobs)) known.add(chunk)
  let settled = true
  for (let chunk = 0; chunk < job.chunks; chunk += 1) {
    if (known.has(chunk)) continue
    const request = await ledger.find(job.order.tenant, chunkKey(job.id, chunk))
    if (request?.state === 'reserved') settled &&= await endExpired(request, ledger, now())
    if (request?.state !== 'done' || !request.answer) continue
    const report = reportFrom({ answer: request.answer, charge: request.charge ?? 0n })
    await jobs.finishChunk(job.id, report)
  }
  return settled
}

/**
 * Voids an attempt that is not heard of any more. Its lease alone does not keep it from being sold:
 * one that is late would be charged for what is in no output.
 * @returns whether it was ended; one that is alive, or was sold just now, is to be looked at again
 */
async function endExpired(
  { tenant, requestKey, fence, leaseUntil }: RequestRecord,
  ledger: PublishingServices['ledger'],
  now: number,
): Promise<boolean> {
  if (leaseUntil > now) return false
  const outcome = { kind: 'void' } as const
  const reason = 'job-stopped'
  const ended = await ledger.release({ tenant, requestKey, fence, outcome, reason, now })
  return ended.kind === 'finished'
}
