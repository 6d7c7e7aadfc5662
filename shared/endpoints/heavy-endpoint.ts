import { isMiss } from '#shared/middleware/call.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { matchRoute } from '#shared/protocols/routes.ts'
import { dispatch } from './dispatch.ts'
import { type LambdaServices, lambdaServices } from './lambda-services.ts'
import { modelActions } from './model-actions.ts'
import type { Services } from './services.ts'

/**
 * The door of the heavy models: every call is let in, checked and put off, and nothing is run here.
 * Who wants an answer at once asks an instance itself, at an address of its own.
 */
export function heavyEndpoint(
  services: Services & Pick<LambdaServices, 'openJobs'> = lambdaServices(),
): Endpoint {
  const { openJobs, runner, catalog } = services
  const door: Services = {
    ...services,
    openJobs: async () => ({ ...(await openJobs()), warmth: never }),
    // Calls are taken at any time.
    runner: { ...runner, ready: async () => undefined },
  }
  const models = new Map(
    catalog
      .list()
      .filter(({ manifest }) => manifest.heavy)
      .map(({ manifest: { name } }) => [name, dispatch(modelActions(name, door), door)]),
  )
  const otherwise = dispatch({}, door)
  return (request) => {
    const match = matchRoute(request.method, request.path)
    const model = isMiss(match) ? undefined : models.get(match.model ?? '')
    return (model ?? otherwise)(request)
  }
}

/** Whatever an instance holds ready, it is not here. */
const never = { isWarm: async () => false, keep: async () => undefined }
