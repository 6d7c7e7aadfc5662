import { ServiceError } from '#shared/errors/service-error.ts'
import type { Micros } from '#shared/metering/money.ts'
import type { BatchServices } from './batch-services.ts'
import { type Job, maxChargeOf } from './job.ts'
import { restUntil } from './job-rest.ts'
import type { JobChange } from './job-store.ts'
import { toMessage } from './messages.ts'
import { sendChunks } from './send-chunks.ts'

/**
 * Stops a job: no chunk begins any more, those that run are let end, and what is finished is
 * published and paid for. A job that is already being published completes.
 */
export async function cancelJob(job: Job, services: BatchServices): Promise<Job> {
  return stopJob(job, 'cancelling', services)
}

/** The same where its time is over. */
export async function expireJob(job: Job, services: BatchServices): Promise<Job> {
  return stopJob(job, 'expiring', services)
}

async function stopJob(
  job: Job,
  state: 'cancelling' | 'expiring',
  { jobs, queues, now }: BatchServices,
): Promise<Job> {
  const at = now()
  const stopped = await jobs.change(job.id, ['planning', 'scoring', 'paused'], {
    state,
    ...restUntil(job, at),
    at,
  })
  const current = stopped ?? (await jobs.find(job.id)) ?? job
  // Also where it was stopping already: an earlier attempt may have died before it sent this.
  if (current.state === state) await queues.publish.send([toMessage(job)])
  return current
}

/**
 * Lets a paused job go on where it stopped; the cap can be raised before it is reached, too.
 * @param raisedCharge the most that it may cost from now on
 * @throws ServiceError `job_not_paused`, `amount_invalid` where that is no raise
 */
export async function resumeJob(
  job: Job,
  services: BatchServices,
  { raisedCharge }: Pick<JobChange, 'raisedCharge'> = {},
): Promise<Job> {
  const { jobs, now } = services
  const isRaise = raisedCharge !== undefined
  if (isRaise) checkRaise(raisedCharge, maxChargeOf(job))
  const at = now()
  const resumed = await jobs.change(job.id, isRaise ? ['paused', 'scoring'] : ['paused'], {
    state: 'scoring',
    problems: [],
    ...(isRaise && { raisedCharge }),
    ...restUntil(job, at),
    at,
  })
  const current = resumed ?? (await jobs.find(job.id)) ?? job
  if (current.state !== 'scoring') {
    throw new ServiceError('job_not_paused', { detail: `The job is ${current.state}.` })
  }
  await sendChunks(current, services)
  return current
}

/** What was charged without a cap was not counted, and a lower one might be passed already. */
function checkRaise(raisedCharge: Micros, maxCharge: Micros | undefined): void {
  if (maxCharge !== undefined && raisedCharge >= maxCharge) return
  throw new ServiceError('amount_invalid', {
    detail:
      maxCharge === undefined
        ? 'The job was ordered without "max_charge_micros".'
        : `"max_charge_micros" may only be raised; it is ${maxCharge}.`,
  })
}
