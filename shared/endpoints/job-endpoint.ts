import { ServiceError } from '#shared/errors/service-error.ts'
import { cancelCall } from '#shared/jobs/cancel-call.ts'
import type { DeferredCall } from '#shared/jobs/deferred-call.ts'
import { estimateWait } from '#shared/jobs/estimate-wait.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { readResult } from '#shared/jobs/read-result.ts'
import { makeSecret } from '#shared/jobs/webhooks/webhook-secrets.ts'
import { batchJobPage as jobPage, nothing } from '#shared/protocols/batch-requests.ts'
import { type Endpoint, jsonResponse } from '#shared/protocols/http-message.ts'
import { jobAnswer } from '#shared/protocols/job-answers.ts'
import type { JobAction } from '#shared/protocols/routes.ts'
import { type AccountCall, accountAction } from './account-action.ts'
import type { Action, ActionServices } from './action.ts'
import { dispatch } from './dispatch.ts'

export interface JobActionServices extends ActionServices {
  readonly openJobs: () => Promise<JobServices>
}

/** What a tenant sees of the calls that were put off, and who is told of their ends. */
export function jobEndpoint(services: JobActionServices): Endpoint {
  const { openJobs } = services
  const onJob = <Output>(run: (job: DeferredCall, jobs: JobServices) => Promise<Output>) => ({
    schema: nothing,
    async run(_: unknown, call: AccountCall) {
      const jobs = await openJobs()
      return run(await ownJob(call, jobs), jobs)
    },
  })
  const withWait = async (job: DeferredCall, jobs: JobServices) =>
    jobAnswer(job, await estimateWait(job, jobs))

  const actions: Readonly<Record<JobAction, Action>> = {
    jobs: accountAction(services, {
      schema: jobPage,
      async run(page, { tenant }) {
        const { calls } = await openJobs()
        const { calls: found, more } = await calls.list({ ...page, tenant })
        return { object: 'list', data: found.map((job) => jobAnswer(job)), has_more: more }
      },
    }),
    job: accountAction(services, onJob(withWait)),
    'job-result': accountAction(services, {
      ...onJob(async (job, jobs) => {
        const wait = await estimateWait(job, jobs)
        return readResult(job, jobs, wait?.secondsLeft?.low)
      }),
      encode: (response) => response,
    }),
    'cancel-job': accountAction(
      services,
      onJob(async ({ id }, jobs) => withWait(await cancelCall(id, jobs), jobs)),
    ),
    'webhook-secret': accountAction(services, {
      schema: nothing,
      async run(_, { tenant }) {
        const { secrets, now } = await openJobs()
        const found = await secrets.find(tenant)
        if (!found) {
          throw new ServiceError('resource_not_found', {
            detail: 'No secret was made yet.',
            fix: 'Make one with POST /v1/webhook-secret.',
          })
        }
        const { current, previous } = found
        const isValid = previous && previous.until > now()
        return {
          object: 'webhook_secret',
          created_at: new Date(current.createdAt).toISOString(),
          previous_until: isValid ? new Date(previous.until).toISOString() : null,
        }
      },
    }),
    'make-webhook-secret': accountAction(services, {
      schema: nothing,
      async run(_, { tenant, idempotencyKey }) {
        const made = await makeSecret(tenant, await openJobs(), idempotencyKey)
        const createdAt = new Date(made.createdAt).toISOString()
        return { object: 'webhook_secret', secret: made.secret, created_at: createdAt }
      },
      encode: (output) => jsonResponse(output, 201),
    }),
  }
  return dispatch(actions, services)
}

/** Of the caller's tenant: of others' jobs there is no hint. */
async function ownJob({ id, tenant }: AccountCall, { calls }: JobServices): Promise<DeferredCall> {
  const job = await calls.find(id)
  if (job?.order.caller.tenant === tenant) return job
  throw new ServiceError('resource_not_found', { detail: 'There is no such job.' })
}
