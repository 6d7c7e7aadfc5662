import { ServiceError } from '#shared/errors/service-error.ts'
import { isMiss } from '#shared/middleware/call.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { matchRoute } from '#shared/protocols/routes.ts'
import { type Action, type ActionServices, action } from './action.ts'

/**
 * An endpoint of its actions, by the names of the route table.
 *
 * @param otherwise for calls of no action here; they are refused where it is absent
 */
export function dispatch(
  actions: Readonly<Record<string, Action>>,
  services: ActionServices,
  otherwise: Action = refusal(services),
): Endpoint {
  const table = new Map(Object.entries(actions))
  return (request) => {
    const match = matchRoute(request.method, request.path)
    const known = isMiss(match) ? undefined : table.get(match.route.action)
    return (known ?? otherwise)(request, match)
  }
}

const refusal = (services: ActionServices): Action =>
  action<never, never>(services, {
    decode({ match }) {
      throw isMiss(match) ? match.error : new ServiceError('route_not_found')
    },
    run: (input) => input,
    encode: (output) => output,
  })
