import { callerNow } from '#shared/access/caller-now.ts'
import type { Handled } from '#shared/batch/batch-services.ts'
import { readCallMessage } from '#shared/jobs/call-message.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { runCall } from '#shared/jobs/run-call.ts'
import { isMiss } from '#shared/middleware/call.ts'
import type { Logger } from '#shared/observability/logger.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { matchRoute } from '#shared/protocols/routes.ts'
import type { Services } from './services.ts'

export interface JobWorkerOptions extends Pick<Services, 'keyStore'> {
  readonly openJobs: () => Promise<JobServices>
  /** That of the ordinary calls of the models that are run here. */
  readonly endpoint: Endpoint
  readonly logger: Pick<Logger, 'error'>
}

/** What is done with a message of the queue `calls` or `heavy-calls`, wherever it is worked off. */
export function createJobWorker({ openJobs, endpoint, keyStore, logger }: JobWorkerOptions) {
  return async (body: string, receives: number): Promise<Handled> =>
    runCall(readCallMessage(body), receives, {
      ...(await openJobs()),
      endpoint,
      callerNow: (caller, askedAt) => callerNow(caller, { keyStore, askedAt }),
      encodeError({ method, path, headers }, error) {
        const match = matchRoute(method, path)
        const { dialect } = isMiss(match) ? match : match.route
        return dialect.encodeError(error, headers['x-request-id'] ?? '')
      },
      onFailure: (cause) => logger.error('a job could not be looked after', { cause }),
    })
}
