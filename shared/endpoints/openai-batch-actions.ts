import { requireModel } from '#shared/access/require-model.ts'
import { findFile } from '#shared/batch/files.ts'
import type { Job } from '#shared/batch/job.ts'
import { cancelJob } from '#shared/batch/manage-job.ts'
import { orderJob } from '#shared/batch/order-job.ts'
import { outputFileId } from '#shared/batch/output-files.ts'
import { readPlan } from '#shared/batch/read-plan.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { bookedUnder, partiesOf } from '#shared/middleware/authenticate/parties-of.ts'
import { nothing } from '#shared/protocols/batch-requests.ts'
import {
  batchAnswer,
  jobIdOf,
  listAnswer,
  newBatch,
  openaiPage,
  windowMs,
} from '#shared/protocols/openai-batch.ts'
import { matchRoute } from '#shared/protocols/routes.ts'
import { type AccountCall, accountAction } from './account-action.ts'
import type { BatchActionServices } from './batch-actions.ts'
import { newFence } from './open-meter.ts'

/** Batches in the words of the OpenAI API: each line of a file is a call of one route. */
export function openaiBatchActions(services: BatchActionServices) {
  const { batch } = services
  const { objects, jobs, now } = batch

  const answer = async (job: Job) => {
    const file = (name: 'results' | 'errors') =>
      job.outputs.some((output) => output.name === name) ? outputFileId(job, name) : undefined
    const total = job.chunks > 0 ? (await readPlan(job.id, objects)).records : undefined
    return batchAnswer(job, {
      total: total ?? job.done.results + job.done.errors,
      outputFileId: file('results'),
      errorFileId: file('errors'),
    })
  }
  const jobOf = async ({ id, tenant }: AccountCall): Promise<Job> => {
    const job = await jobs.find(jobIdOf(id))
    if (job?.order.tenant === tenant && job.order.batch) return job
    throw new ServiceError('resource_not_found', { detail: 'There is no such batch.' })
  }

  return {
    'create-batch': accountAction(services, {
      schema: newBatch,
      async run({ input_file_id, endpoint, metadata, output_expires_after }, call) {
        const { caller, tenant, idempotencyKey } = call
        const { name, version } = modelOf(endpoint)
        requireModel(caller, name)
        const { key } = await findFile(input_file_id, tenant, objects, now())
        const object = await objects.head(key)
        if (!object) throw new ServiceError('object_gone')
        const job = await orderJob(
          {
            tenant,
            keyId: bookedUnder(caller),
            project: caller.project,
            parties: partiesOf(caller),
            free: caller.mode === 'test',
            input: { kind: 'object', object, format: 'jsonl' },
            model: version === undefined ? name : `${name}@${version}`,
            parameters: {},
            records: { kind: 'call', url: endpoint },
            output: { format: 'jsonl', join: false },
            expiresAt: now() + windowMs,
            batch: {
              fileId: input_file_id,
              metadata: metadata ?? {},
              outputSeconds: output_expires_after?.seconds,
            },
            identity: ['batch', idempotencyKey ?? newFence()],
          },
          batch,
        )
        return answer(job)
      },
    }),
    batches: accountAction(services, {
      schema: openaiPage(20, 100),
      async run({ after, limit }, { tenant }) {
        const page = await jobs.list({
          tenant,
          limit,
          kind: 'call',
          after: after === undefined ? undefined : jobIdOf(after),
        })
        return listAnswer(await Promise.all(page.jobs.map(answer)), page.more)
      },
    }),
    batch: accountAction(services, {
      schema: nothing,
      run: async (_, call) => answer(await jobOf(call)),
    }),
    'cancel-batch': accountAction(services, {
      schema: nothing,
      run: async (_, call) => answer(await cancelJob(await jobOf(call), batch)),
    }),
  }
}

/** The model whose route the batch calls. @throws ServiceError `parameter_invalid` */
function modelOf(endpoint: string): { name: string; version: string | undefined } {
  const match = matchRoute('POST', endpoint)
  const isCall = 'route' in match && callActions.has(match.route.action)
  if (isCall && match.model) return { name: match.model, version: match.version }
  throw new ServiceError('parameter_invalid', {
    detail: '"endpoint" must be a route of this service that calls a model.',
    fix: 'Use /v1/models/{name}/predict or /v2/models/{name}/infer.',
  })
}

const callActions: ReadonlySet<string> = new Set(['predict', 'infer'])
