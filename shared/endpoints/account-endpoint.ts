import { ServiceError } from '#shared/errors/service-error.ts'
import { isMiss } from '#shared/middleware/call.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { type AccountAction, matchRoute } from '#shared/protocols/routes.ts'
import { type Action, action } from './action.ts'
import { keyActions } from './key-actions.ts'
import { lambdaServices } from './lambda-services.ts'
import { moneyActions } from './money-actions.ts'
import { reportActions } from './report-actions.ts'
import type { Services } from './services.ts'

/** What a tenant sees and does of its keys and its money. */
export function accountEndpoint(services: Services = lambdaServices()): Endpoint {
  const actions: Readonly<Record<AccountAction, Action>> = {
    ...keyActions(services),
    ...moneyActions(services),
    ...reportActions(services),
  }
  const refuse = action<never, never>(services, {
    decode({ match }) {
      throw isMiss(match) ? match.error : new ServiceError('route_not_found')
    },
    run: (input) => input,
    encode: (output) => output,
  })

  return (request) => {
    const match = matchRoute(request.method, request.path)
    const name = isMiss(match) ? undefined : match.route.action
    const known = name !== undefined && Object.hasOwn(actions, name)
    return (known ? actions[name as AccountAction] : refuse)(request, match)
  }
}
