import type { Catalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { JobOrder } from './job.ts'

/**
 * The very model that was ordered.
 * @throws ServiceError `model_not_found`, `version_not_found`; `model_invalid` where another file
 * now goes by its version
 */
export function findEntry({ model, modelDigest }: JobOrder, catalog: Catalog): ModelEntry {
  const [name = '', version] = model.split('@')
  const entry = catalog.find(name, version)
  if (entry.manifest.artifact.sha256 === modelDigest) return entry
  throw new ServiceError('model_invalid', {
    model,
    detail: `${model} is no longer the file that the job was ordered with.`,
    fix: 'Give a changed model a new version, and serve the old one until its jobs are done.',
  })
}
