import type { Authenticate } from '#shared/access/authenticate.ts'
import { requireModel } from '#shared/access/require-model.ts'
import { requireScope } from '#shared/access/require-scope.ts'
import { isMiss } from '../call.ts'
import type { Step } from '../step.ts'
import { setCaller } from './caller-of.ts'

/**
 * Refuses a path that leads nowhere, and a call whose credentials do not allow its route.
 * @throws ServiceError `route_not_found`, `method_not_allowed`, `scope_missing`,
 *   `model_not_allowed`, and those of `Authenticate`
 */
export function authenticate({ authenticate }: { authenticate: Authenticate }): Step {
  return {
    async before({ event }) {
      const { match, request } = event
      if (isMiss(match)) throw match.error
      const { scope } = match.route
      if (scope === undefined) return
      const caller = request.deferred
        ? await request.deferred.caller()
        : await authenticate({
            authorization: request.headers.authorization,
            apiKey: request.headers['x-api-key'],
            sourceIp: request.sourceIp,
          })
      requireScope(caller, scope)
      if (match.model !== undefined) requireModel(caller, match.model)
      setCaller(event, caller)
    },
  }
}
