import type { Catalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'

/** The model that a word names: `iris`, or `iris@2`. @throws ServiceError of the catalogue */
export function findNamed(catalog: Catalog, word: string): ModelEntry {
  const [name = '', version] = word.split('@', 2)
  return catalog.find(name, version)
}
