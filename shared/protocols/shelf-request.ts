import { ServiceError } from '#shared/errors/service-error.ts'
import type { HttpRequest } from './http-message.ts'
import { parseJson } from './parse-json.ts'

/** `POST /models` of SageMaker's multi-model contract: `{"model_name", "url"}`, and nothing else. */
export function readShelfRequest({ body }: HttpRequest): { modelName: string; url: string } {
  const value = Object(parseJson(body)) as { model_name?: unknown; url?: unknown }
  const { model_name: modelName, url } = value
  // A name is one segment of a path, and `/models/{n}/invoke` is another route.
  const isName = typeof modelName === 'string' && /^[^/\s]{1,256}$/.test(modelName)
  if (!isName || modelName === 'invoke') {
    throw new ServiceError('input_invalid', {
      detail: '"model_name" must be a name without "/", and not "invoke".',
    })
  }
  if (typeof url !== 'string' || !url.startsWith('/')) {
    throw new ServiceError('input_invalid', {
      detail: '"url" must be the absolute path of the folder of the model.',
    })
  }
  return { modelName, url }
}

interface Shelved {
  readonly name: string
  readonly url: string
}

/** A loaded model as SageMaker reads it. */
export const shelfItem = ({ name, url }: Shelved) => ({ modelName: name, modelUrl: url })

const pageSize = 100

/** A page of the loaded models, by name. The token is the last name of the page before. */
export function shelfPage(models: readonly Shelved[], token = '') {
  const left = models.filter(({ name }) => name > token).sort((a, b) => (a.name < b.name ? -1 : 1))
  const page = left.slice(0, pageSize)
  return {
    models: page.map(shelfItem),
    ...(left.length > page.length && { nextPageToken: page.at(-1)?.name }),
  }
}
