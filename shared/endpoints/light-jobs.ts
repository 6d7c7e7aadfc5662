import { isMiss } from '#shared/middleware/call.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { matchRoute } from '#shared/protocols/routes.ts'
import { catalogEndpoint } from './catalog-endpoint.ts'
import { inlineModels } from './inline-models.ts'
import { onJobMessages } from './job-messages.ts'
import { lambdaServices } from './lambda-services.ts'
import { modelEndpoint } from './model-endpoint.ts'

/** Runs the jobs of all models that are not heavy, on Lambda: each as its own function would. */
export function onLightJobs() {
  const services = lambdaServices(inlineModels)
  const models = new Map<string, Endpoint>()
  const endpointOf = (name: string): Endpoint => {
    const endpoint = models.get(name) ?? modelEndpoint(name, services)
    models.set(name, endpoint)
    return endpoint
  }
  const otherwise = catalogEndpoint(services)
  const endpoint: Endpoint = (request) => {
    const match = matchRoute(request.method, request.path)
    const name = isMiss(match) ? undefined : match.model
    return name === undefined ? otherwise(request) : endpointOf(name)(request)
  }
  return onJobMessages({ ...services, endpoint, lane: 'light' })
}
