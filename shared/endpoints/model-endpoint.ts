import type { Endpoint } from '#shared/protocols/http-message.ts'
import { dispatch } from './dispatch.ts'
import { inlineModels } from './inline-models.ts'
import { lambdaServices } from './lambda-services.ts'
import { modelActions } from './model-actions.ts'
import type { Services } from './services.ts'

/**
 * The endpoint of one model: every route under its name. Without services of a host it composes
 * those of a Lambda function; `warm` then fetches and loads the model ahead of the first call.
 */
export function modelEndpoint(
  name: string,
  services: Services = lambdaServices({ only: name, ...inlineModels }),
): Endpoint {
  const { catalog, runner } = services
  const endpoint = dispatch(modelActions(name, services), services)
  endpoint.warm = () => runner.load(catalog.find(name))
  return endpoint
}
