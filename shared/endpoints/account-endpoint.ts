import type { Endpoint } from '#shared/protocols/http-message.ts'
import type { AccountAction } from '#shared/protocols/routes.ts'
import type { Action } from './action.ts'
import { dispatch } from './dispatch.ts'
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
  return dispatch(actions, services)
}
