import { type Catalog, createCatalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import type { Environment } from '#shared/config/environment.ts'
import { modelsDirectory } from '#shared/endpoints/local-services.ts'

/** The models of this machine, their manifests checked. Needs no store. */
export const readCatalog = (environment: Environment): Catalog =>
  createCatalog(readModels(modelsDirectory(environment), { parse: parseManifest }))

/** The model that a person names: `iris`, `iris@1` or `iris@stable`. */
export function findModel(catalog: Catalog, word: string): ModelEntry {
  const [name = '', version] = word.split('@', 2)
  return catalog.find(name, version)
}
