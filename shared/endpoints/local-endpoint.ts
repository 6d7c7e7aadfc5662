import { isMiss } from '#shared/middleware/call.ts'
import { accountOperations } from '#shared/protocols/account-operations.ts'
import { batchOperations } from '#shared/protocols/batch-operations.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { jobOperations } from '#shared/protocols/job-operations.ts'
import { matchRoute } from '#shared/protocols/routes.ts'
import { accountEndpoint } from './account-endpoint.ts'
import type { BatchActionServices } from './batch-actions.ts'
import { batchEndpoint, takesUpload } from './batch-endpoint.ts'
import { type JobActionServices, jobEndpoint } from './job-endpoint.ts'
import { servingEndpoint } from './serving-endpoint.ts'
import type { WritingServices } from './writing-action.ts'

/** All functions behind one door, as the HTTP API's routes put them together on AWS. */
export function localEndpoint(
  services: BatchActionServices & WritingServices & JobActionServices,
): Endpoint {
  const batch = batchEndpoint(services)
  const account = accountEndpoint(services)
  const jobs = jobEndpoint(services)
  const serving = servingEndpoint(services)
  const endpoint: Endpoint = (request) => {
    const match = matchRoute(request.method, request.path)
    if (isMiss(match)) return serving(request)
    const { action } = match.route
    if (Object.hasOwn(accountOperations, action)) return account(request)
    if (Object.hasOwn(batchOperations, action)) return batch(request)
    if (Object.hasOwn(jobOperations, action)) return jobs(request)
    return serving(request)
  }
  endpoint.takesUpload = takesUpload
  return endpoint
}
