import { join } from 'node:path'
import { directoryArtifactStore } from '#shared/artifacts/directory-artifact-store.ts'
import { pulledArtifactStore } from '#shared/artifacts/pulled-artifact-store.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'

const root = join(import.meta.dirname, '../..')

/** A model whose file is not committed: pulled once, and kept for later runs. */
export async function cachedModel(name: string) {
  const entry = createCatalog(readModels(join(root, 'models'), { parse: parseManifest })).find(name)
  const cache = directoryArtifactStore({ directory: join(root, '.cache/artifacts') })
  return { entry, bytes: await pulledArtifactStore(cache).fetch(entry.manifest.artifact) }
}
