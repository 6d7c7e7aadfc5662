import { ServiceError } from '#shared/errors/service-error.ts'
import type { BatchServices, Handled } from './batch-services.ts'
import { checkRecords } from './check-records.ts'
import { cutSource } from './cut-source.ts'
import { findSource } from './find-source.ts'
import type { Job, JobProblem } from './job.ts'
import { LinesInvalid } from './lines-invalid.ts'
import { toMessage } from './messages.ts'
import { places } from './places.ts'
import type { Plan } from './plan.ts'
import { readPlan } from './read-plan.ts'
import { droppedKeyId } from './receive-object.ts'
import { sendChunks } from './send-chunks.ts'
import { writeFailure } from './write-refusal.ts'

/** After so many attempts an error of this service is no passing one. */
const attemptsBeforeFailure = 4

/**
 * Looks at the input, cuts it, and asks for its chunks. The plan is written create-only: whoever
 * comes second goes on with what stands there.
 *
 * @param receives how often the message was delivered
 */
export async function planJob(
  jobId: string,
  receives: number,
  services: BatchServices,
): Promise<Handled> {
  const { jobs, now } = services
  const job = await jobs.find(jobId)
  // Somebody planned it and died before he had asked for all chunks.
  if (job?.state === 'scoring') await sendChunks(job, services)
  if (job?.state !== 'planning') return 'done'
  try {
    const plan = await planOf(job, services)
    if (!plan) {
      // A message of its own, since a queue gives up on one that comes again and again.
      await services.queues.plan.send([toMessage(job)])
      return 'done'
    }
    const change = {
      state: 'scoring',
      chunks: plan.chunks.length,
      bytes: plan.chunks.reduce((sum, { start, end }) => sum + end - start, 0),
      at: now(),
    } as const
    const planned = await jobs.change(job.id, ['planning'], change)
    if (planned) await sendChunks(planned, services)
    return 'done'
  } catch (thrown) {
    const problems = problemsOf(thrown, receives)
    // What a store failed at comes again; what is wrong with the input stays wrong.
    if (!problems) return { againAfterMs: Math.min(30_000, 250 * 2 ** Math.min(receives, 10)) }
    // Who has dropped a file looks where its outputs would be.
    if (job.order.keyId === droppedKeyId) await writeFailure(job, problems, services.objects)
    await jobs.change(job.id, ['planning'], { state: 'failed', problems, at: now() })
    return 'done'
  }
}

function problemsOf(thrown: unknown, receives: number): readonly JobProblem[] | undefined {
  if (thrown instanceof LinesInvalid) return thrown.problems
  const { retryable, code, message } = ServiceError.from(thrown)
  const isPassing = retryable && (code !== 'internal' || receives < attemptsBeforeFailure)
  return isPassing ? undefined : [{ code, message }]
}

/** @returns `undefined` where the time of this run is over, and the next goes on */
async function planOf(job: Job, services: BatchServices): Promise<Plan | undefined> {
  const { objects, chunkSizes } = services
  const source = await findSource(job, services)
  if (!source) return undefined
  const chunks = await cutSource(source, objects, chunkSizes)
  const counts = await checkRecords(job.order, source, chunks, objects)
  const records = counts?.reduce((sum, count) => sum + count, 0)
  const plan: Plan = { jobId: job.id, source, chunks, records, counts }
  const bytes = Buffer.from(JSON.stringify(plan))
  await objects.put(places.plan(job.id), bytes, { ifAbsent: true })
  return readPlan(job.id, objects)
}
