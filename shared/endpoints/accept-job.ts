import type { DeferredCall } from '#shared/jobs/deferred-call.ts'
import { estimateWait } from '#shared/jobs/estimate-wait.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import { jobAnswer } from '#shared/protocols/job-answers.ts'

/** The answer to a call that was put off: how long it has to go, and where its own will be (RFC 7240, 4.1). */
export async function acceptJob(
  job: DeferredCall,
  asked: boolean,
  jobs: JobServices,
): Promise<HttpResponse> {
  // It is accepted, whatever can be said of it.
  const wait = await estimateWait(job, jobs).catch(() => undefined)
  return {
    status: 202,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      location: `/v1/jobs/${job.id}`,
      ...(asked && { 'preference-applied': 'respond-async' }),
      'x-cost-units': '0',
    },
    body: JSON.stringify(jobAnswer(job, wait)),
  }
}
