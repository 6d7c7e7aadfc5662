import { action } from '#shared/endpoints/action.ts'
import type { Services } from '#shared/endpoints/services.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { decodePredict, encodePrediction } from '#shared/protocols/plain-call.ts'
import { matchRoute } from '#shared/protocols/routes.ts'
import { findTask } from '#shared/tasks/find-task.ts'

/** The predict route of a model as it would be if nothing were sold: no meter, no rate limit. */
export function unmeteredEndpoint(name: string, services: Services): Endpoint {
  const { catalog, runner } = services
  const entry = catalog.find(name)
  const predict = action(
    { ...services, limitRate: async () => [] },
    {
      async decode({ request }) {
        const { media } = await findTask(entry.manifest.task.name)
        return decodePredict(request, media)
      },
      run: (asked) => runner.predict(entry, asked),
      encode: (prediction) => encodePrediction(entry, prediction),
    },
  )
  return (request) => predict(request, matchRoute(request.method, request.path))
}
