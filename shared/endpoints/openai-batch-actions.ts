import { requireModel } from '#shared/access/require-model.ts'
import { findFile } from '#shared/batch/files.ts'
import type { BatchOrder, Job } from '#shared/batch/job.ts'
import { cancelJob } from '#shared/batch/manage-job.ts'
import { orderJob } from '#shared/batch/order-job.ts'
import { outputFileId } from '#shared/batch/output-files.ts'
import { readPlan } from '#shared/batch/read-plan.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { payerOf } from '#shared/middleware/authenticate/payer-of.ts'
import { nothing } from '#shared/protocols/batch-requests.ts'
import {
  batchAnswer,
  batchPage,
  jobIdOf,
  listAnswer,
  newBatch,
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
    return batchAnswer(job, {
      total: await countCalls(job, objects),
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
        const { caller, tenant, idempotencyKey, fingerprint } = call
        const { name, version } = modelOf(endpoint)
        requireModel(caller, name)
        const asked = { fileId: input_file_id, metadata: metadata ?? {} }
        const earlier = await earlierAttempt(call, { ...asked, url: endpoint }, batch)
        if (earlier) return answer(earlier)
        const { key } = await findFile(input_file_id, tenant, objects, now())
        const object = await objects.head(key)
        if (!object) throw new ServiceError('object_gone')
        const job = await orderJob(
          {
            ...payerOf(caller),
            input: { kind: 'object', object, format: 'jsonl' },
            model: version === undefined ? name : `${name}@${version}`,
            parameters: {},
            records: { kind: 'call', url: endpoint },
            output: { format: 'jsonl', join: false },
            expiresAt: now() + windowMs,
            batch: { ...asked, outputSeconds: output_expires_after?.seconds },
            identity: ['batch', idempotencyKey ?? newFence()],
            fingerprint,
          },
          batch,
        )
        return answer(job)
      },
    }),
    batches: accountAction(services, {
      schema: batchPage,
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

/** All calls of the file; of a stopped batch whose plan is cleared away, those that were answered. */
async function countCalls(
  { id, chunks, done, state }: Job,
  objects: BatchActionServices['batch']['objects'],
): Promise<number> {
  const answered = done.results + done.errors
  if (chunks === 0 || state === 'published') return answered
  const plan = await readPlan(id, objects).catch((thrown) => {
    if (ServiceError.from(thrown).retryable) throw thrown
  })
  return plan?.records ?? answered
}

/** How long after a request an automatic retry of a client may come. */
const retryWindowMs = 15 * 60_000

/**
 * What an earlier attempt has ordered, where a client tells by its count that it tries again. It does
 * so by itself and without a key: the same file, route and words within a while are the same order.
 */
async function earlierAttempt(
  { caller, tenant, idempotencyKey, request }: AccountCall,
  asked: Pick<BatchOrder, 'fileId' | 'metadata'> & { readonly url: string },
  { jobs, now }: BatchActionServices['batch'],
): Promise<Job | undefined> {
  const isRetry = /^[1-9]\d{0,2}$/.test(request.headers['x-stainless-retry-count'] ?? '')
  if (!isRetry || idempotencyKey !== undefined) return undefined
  const words = ({ fileId, metadata, url }: typeof asked) => JSON.stringify([fileId, metadata, url])
  const payer = payerOf(caller)
  const recent = await jobs.list({ tenant, kind: 'call', limit: 20 })
  return recent.jobs.find(({ createdAt, order }) => {
    const { batch, records, keyId, free } = order
    const isCall = batch !== undefined && records.kind === 'call'
    const isOwn = keyId === payer.keyId && free === payer.free
    const isRecent = createdAt > now() - retryWindowMs
    return isCall && isOwn && isRecent && words({ ...batch, url: records.url }) === words(asked)
  })
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
