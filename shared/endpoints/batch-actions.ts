import { requireModel } from '#shared/access/require-model.ts'
import { findFile } from '#shared/batch/files.ts'
import type { Job, JobInput, JobOutput } from '#shared/batch/job.ts'
import { hasEnded } from '#shared/batch/job-progress.ts'
import { cancelJob, resumeJob } from '#shared/batch/manage-job.ts'
import { orderJob } from '#shared/batch/order-job.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { readJobParameters } from '#shared/batch/scoring/job-parameters.ts'
import { stampOf } from '#shared/batch/watch-job.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { payerOf } from '#shared/middleware/authenticate/payer-of.ts'
import { batchEstimateAnswer, batchJobAnswer } from '#shared/protocols/batch-answers.ts'
import {
  batchJobPage,
  batchJobResume,
  newBatchJob,
  nothing,
} from '#shared/protocols/batch-requests.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { type AccountCall, accountAction } from './account-action.ts'
import { jobEvents } from './job-events.ts'
import { newFence } from './open-meter.ts'
import { sendObject } from './send-object.ts'
import type { Services } from './services.ts'

export interface BatchActionServices extends Services {
  readonly batch: PublishingServices
  /** How long one answer of events may take; the caller asks again. */
  readonly eventsMs?: number
  /** Of one uploaded file. */
  readonly uploadLimitBytes?: number
}

/** Batch jobs in percall's own words. */
export function batchActions(services: BatchActionServices) {
  const { batch, eventsMs } = services
  const answer = (job: Job) => batchJobAnswer(job, batch.now(), batch.prices)
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
        const job = await jobOf(call)
        const output = job.outputs.find((one) => one.name === name)
        if (output) return sendObject(output.key, batch.objects, call.request)
        throw new ServiceError('resource_not_found', {
          detail: `The job has no ${name}${hasEnded(job) ? '' : ' yet'}: it is ${job.state}.`,
          fix: 'See its state and its outputs at GET /v1/batch-jobs/{id}.',
        })
      },
      encode: (response) => response,
    })

  return {
    'create-batch-job': accountAction(services, {
      schema: newBatchJob,
      async run({ dry_run, exact, ...asked }, call) {
        const { caller, tenant, idempotencyKey, fingerprint } = call
        const [name = '', version] = asked.model.split('@')
        requireModel(caller, name)
        requireTimeLeft(asked.expires_at, batch.now())
        await readJobParameters(services.catalog.find(name, version), asked.parameters)
        const request = {
          ...payerOf(caller),
          input: await inputOf(asked, tenant),
          model: asked.model,
          parameters: asked.parameters,
          records: { kind: 'input' },
          output: {
            format: asked.output_format,
            compression: asked.output_compression,
            join: asked.join,
          },
          maxCharge: asked.max_charge_micros,
          expiresAt: asked.expires_at,
          identity: ['order', idempotencyKey ?? newFence()],
          fingerprint,
        } as const
        if (dry_run) {
          // What reads all formats is needed for nothing else here.
          const { estimateJob } = await import('#shared/batch/estimate-job.ts')
          return batchEstimateAnswer(await estimateJob(request, batch, { exact }))
        }
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
    'resume-batch-job': accountAction(services, {
      schema: batchJobResume,
      async run({ max_charge_micros: raisedCharge }, call) {
        return answer(await resumeJob(await jobOf(call), batch, { raisedCharge }))
      },
    }),
    'batch-job-events': accountAction(services, {
      schema: nothing,
      async run(_, call) {
        const job = await jobOf(call)
        const isKnown = call.request.headers['last-event-id'] === stampOf(job)
        // Whoever has heard of the end is told to stop asking (HTML, 9.2.3).
        if (isKnown && hasEnded(job)) return { status: 204, headers: {}, body: '' }
        const stream = jobEvents(job.id, { jobs: batch.jobs, answer, forMs: eventsMs })
        return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: '', stream }
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

function requireTimeLeft(expiresAt: number | undefined, now: number): void {
  if (expiresAt === undefined || expiresAt > now) return
  throw new ServiceError('parameter_invalid', { detail: '"expires_at" is over already.' })
}

/** A place in the store that belongs to the tenant: what it uploaded, or what was scored for it. */
function ownPlace(key: string, tenant: string): string {
  const isOwn = ['uploads', 'incoming', 'outgoing'].some((room) =>
    // With the slash, or `acme` would read what belongs to `acme-2`.
    key.startsWith(`${room}/${tenant}/`),
  )
  if (isOwn) return key
  throw new ServiceError('resource_not_found', {
    detail: 'There is no such input.',
    fix: 'Name an object under uploads/, incoming/ or outgoing/ of the own tenant.',
  })
}
