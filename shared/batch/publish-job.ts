import type { Ledger } from '#shared/metering/ledger.ts'
import type { BatchServices, Handled } from './batch-services.ts'
import { endFailing, giveUp } from './fail-job.ts'
import type { Job, JobState } from './job.ts'
import { toMessage } from './messages.ts'
import { describeOutputs } from './output-files.ts'
import { settleRunning } from './settle-running.ts'
import { writeManifest } from './write-manifest.ts'
import { writeOutput } from './write-output.ts'

/** What a state becomes when its outputs are out. */
const ends: Readonly<Partial<Record<JobState, JobState>>> = {
  scoring: 'published',
  // Chunks that ran when it was paused were the last ones.
  paused: 'published',
  publishing: 'published',
  cancelling: 'cancelled',
  expiring: 'expired',
}

export interface PublishingServices extends BatchServices {
  readonly ledger: Ledger
}

/**
 * Puts the parts together: results, errors, and last the manifest, which says that they are whole.
 * Two who publish at once write the same bytes, and the first is kept; who dies in between is
 * followed by another, who finds what is there.
 */
export async function publishJob(
  jobId: string,
  receives: number,
  services: PublishingServices,
): Promise<Handled> {
  const job = await services.jobs.find(jobId)
  if (!job) return 'done'
  if (job.state === 'failing') return endFailing(job, services)
  const end = ends[job.state]
  if (!end) return 'done'
  if (job.state === 'scoring' || job.state === 'paused') {
    if (job.done.chunks < job.chunks) return 'done'
    await services.jobs.change(jobId, [job.state], { state: 'publishing', at: services.now() })
    return publishJob(jobId, receives, services)
  }
  // Of a stopped job chunks may still be running: what they come to belongs to the job.
  if (job.state !== 'publishing' && !(await settleRunning(job, services))) {
    // A message of its own, since a queue gives up on one that comes again and again.
    await services.queues.publish.send([{ ...toMessage(job), delayMs: 1_000 }])
    return 'done'
  }
  try {
    // Likewise where the time of this run is over: the next one goes on.
    if (!(await writeOutputs(job, end, services)))
      await services.queues.publish.send([toMessage(job)])
    return 'done'
  } catch (thrown) {
    return giveUp(job, thrown, receives, services)
  }
}

/** @returns whether they are whole */
async function writeOutputs(
  job: Job,
  end: JobState,
  services: PublishingServices,
): Promise<boolean> {
  const { jobs, now } = services
  const whole = (await jobs.find(job.id)) ?? job
  const results = await writeOutput(whole, 'results', services)
  if (results === 'unfinished') return false
  const errors = await writeOutput(whole, 'errors', services)
  if (errors === 'unfinished') return false
  const outputs = [results, errors].filter((output) => output !== undefined)
  const manifest = await writeManifest(whole, outputs, services)
  await describeOutputs(whole, outputs, services.objects)
  const change = { state: end, outputs: [...outputs, manifest], at: now() }
  await jobs.change(job.id, [job.state], change)
  return true
}
