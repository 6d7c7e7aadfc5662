import type { Endpoint } from '#shared/protocols/http-message.ts'
import { type BatchAction, matchRoute } from '#shared/protocols/routes.ts'
import type { Action } from './action.ts'
import { type BatchActionServices, batchActions } from './batch-actions.ts'
import { dispatch } from './dispatch.ts'
import { fileActions } from './file-actions.ts'
import { openaiBatchActions } from './openai-batch-actions.ts'

/** Whether a request is an upload, so that its body is not read before it is known whose it is. */
export function takesUpload(method: string, path: string): boolean {
  const match = matchRoute(method, path)
  return 'route' in match && match.route.takesUpload === true
}

/** What a tenant orders and sees of the files that are scored for it. */
export function batchEndpoint(services: BatchActionServices): Endpoint {
  const actions: Readonly<Record<BatchAction, Action>> = {
    ...batchActions(services),
    ...fileActions(services),
    ...openaiBatchActions(services),
  }
  const endpoint = dispatch(actions, services)
  endpoint.takesUpload = takesUpload
  return endpoint
}
