import { setTimeout as sleep } from 'node:timers/promises'
import { requireModel } from '#shared/access/require-model.ts'
import { estimateJob } from '#shared/batch/estimate-job.ts'
import { findFile } from '#shared/batch/files.ts'
import type { Job, JobInput, JobOutput } from '#shared/batch/job.ts'
import { cancelJob, resumeJob } from '#shared/batch/manage-job.ts'
import { orderJob } from '#shared/batch/order-job.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { watchJob } from '#shared/batch/watch-job.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { bookedUnder, partiesOf } from '#shared/middleware/authenticate/parties-of.ts'
import { batchEstimateAnswer, batchJobAnswer } from '#shared/protocols/batch-answers.ts'
import { batchJobPage, newBatchJob, nothing } from '#shared/protocols/batch-requests.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { encodeEvent } from '#shared/protocols/server-sent-events.ts'
import { type AccountCall, accountAction } from './account-action.ts'
import { newFence } from './open-meter.ts'
import { sendObject } from './send-object.ts'
import type { Services } from './services.ts'

export interface BatchActionServices extends Services {
  readonly batch: PublishingServices
  /** How long one answer of events may take; the caller asks again. */
  readonly eventsMs?: number
}

/** Batch jobs in percall's own words. */
export function batchActions(services: BatchActionServices) {
  const { batch, eventsMs } = services
  const answer = (job: Job) => batchJobAnswer(job, batch.now())
  /** Of the caller's tenant: of others' jobs there is no hint. */
  const jobOf = async ({ id, tenant }: AccountCall): Promise<Job> => {
    const job = await batch.jobs.find(id)
    if (job?.order.tenant === tenant) return job
    throw new ServiceError('resource_not_found', { detail: 'There is no such job.' })
  }
  const onJob = (run: (job: Job) => unknown) =>
    accountAction(services, { schema: nothing, run: async (_, call) => run(await jobOf(call)) })
  const download = (name: JobOutput['name']) =>
    accountAction(services, {
      schema: nothing,
      async run(_, call) {
        const output = (await jobOf(call)).outputs.find((one) => one.name === name)
        if (output) return sendObject(output.key, batch.objects)
        throw new ServiceError('resource_not_found', { detail: `The job has no ${name}.` })
      },
      encode: (response) => response,
    })

  return {
    'create-batch-job': accountAction(services, {
      schema: newBatchJob,
      async run({ dry_run, exact, ...asked }, call) {
        const { caller, tenant, idempotencyKey } = call
        requireModel(caller, asked.model.split('@')[0] ?? '')
        const request = {
          tenant,
          keyId: bookedUnder(caller),
          project: caller.project,
          parties: partiesOf(caller),
          free: caller.mode === 'test',
          input: await inputOf(asked, tenant),
          model: asked.model,
          parameters: asked.parameters,
          records: { kind: 'input' },
          output: { format: asked.output_format, join: asked.join },
          maxCharge: asked.max_charge_micros,
          expiresAt: asked.expires_at,
          identity: ['order', idempotencyKey ?? newFence()],
        } as const
        if (dry_run) return batchEstimateAnswer(await estimateJob(request, batch, { exact }))
        return answer(await orderJob(request, batch))
      },
      encode: (output: { object: string }) =>
        jsonResponse(output, output.object === 'batch_job' ? 202 : 200),
    }),
    'batch-jobs': accountAction(services, {
      schema: batchJobPage,
      async run(page, { tenant }) {
        const { jobs, more } = await batch.jobs.list({ ...page, tenant })
        return { object: 'list', data: jobs.map(answer), has_more: more }
      },
    }),
    'batch-job': onJob(answer),
    'cancel-batch-job': onJob(async (job) => answer(await cancelJob(job, batch))),
    'resume-batch-job': onJob(async (job) => answer(await resumeJob(job, batch))),
    'batch-job-events': accountAction(services, {
      schema: nothing,
      async run(_, call) {
        const { id } = await jobOf(call)
        const options = { jobs: batch.jobs, sleep, ...(eventsMs && { forMs: eventsMs }) }
        return {
          status: 200,
          headers: { 'content-type': 'text/event-stream' },
          body: '',
          stream: events(watchJob(id, options), answer),
        }
      },
      encode: (response) => response,
    }),
    'batch-job-results': download('results'),
    'batch-job-errors': download('errors'),
    'batch-job-manifest': download('manifest'),
  }

  async function inputOf(
    {
      input,
      input_file_id,
      input_prefix,
      format,
    }: {
      input?: string | undefined
      input_file_id?: string | undefined
      input_prefix?: string | undefined
      format: Extract<JobInput, { kind: 'object' }>['format']
    },
    tenant: string,
  ): Promise<JobInput> {
    if (input_prefix !== undefined) {
      return { kind: 'prefix', prefix: ownPlace(input_prefix, tenant) }
    }
    const key =
      input_file_id === undefined
        ? ownPlace(input ?? '', tenant)
        : (await findFile(input_file_id, tenant, batch.objects, batch.now())).key
    const object = await batch.objects.head(key)
    if (object) return { kind: 'object', object, format }
    throw new ServiceError('resource_not_found', { detail: 'There is no such input.' })
  }
}

/** A place in the store that belongs to the tenant: what it uploaded, or what was scored for it. */
function ownPlace(key: string, tenant: string): string {
  const [room, owner] = key.split('/')
  const isOwn = owner === tenant && ['incoming', 'outgoing', 'uploads'].includes(room ?? '')
  if (isOwn) return key
  throw new ServiceError('resource_not_found', {
    detail: 'There is no such input.',
    fix: 'Name an object under uploads/, incoming/ or outgoing/ of the own tenant.',
  })
}

async function* events(
  jobs: AsyncIterable<Job>,
  answer: (job: Job) => unknown,
): AsyncGenerator<Uint8Array> {
  for await (const job of jobs) yield encodeEvent({ event: job.state, data: answer(job) })
}
