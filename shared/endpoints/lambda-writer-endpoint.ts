import { createLanguageModels } from '#shared/generation/language-models.ts'
import { openOnnxGenerator } from '#shared/generation/open-onnx-generator.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'
import { inlineModels } from './inline-models.ts'
import { lambdaServices } from './lambda-services.ts'
import { openGenerator } from './open-generator.ts'
import { servingEndpoint } from './serving-endpoint.ts'

/**
 * The function of a model that writes, behind an address of its own: every route that concerns the
 * model, and the list with it alone. It writes in the calling thread, one text at a time: a Lambda
 * environment serves one request, and between two tokens its event loop turns.
 */
export function lambdaWriterEndpoint(name: string): Endpoint {
  const services = lambdaServices({ only: name, ...inlineModels })
  const { catalog, readArtifact, threads } = services
  const languageModels = createLanguageModels((entry) =>
    openGenerator(entry, {
      readArtifact,
      threads,
      start: (options) => openOnnxGenerator({ ...options, slots: 1 }),
    }),
  )
  const endpoint = servingEndpoint({ ...services, languageModels })
  endpoint.warm = async () => {
    await languageModels.find(catalog.find(name))
  }
  return endpoint
}
