import type { ArtifactRef, ArtifactStore, FetchProgress } from '#shared/artifacts/artifact-store.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { pulledArtifactStore } from '#shared/artifacts/pulled-artifact-store.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

export type PublishOutcome = 'published' | 'already there' | 'repaired'

const damaged = ['artifact_digest_mismatch', 'artifact_truncated']

/**
 * Publishes a model's file, checking both ends: the file on disk must be the manifest's,
 * and one that the store has already is read back, because its size alone would not tell damage.
 *
 * @param onProgress of reading back
 * @throws ServiceError `artifact_digest_mismatch` where the committed file has changed
 */
export async function publishModel(
  store: ArtifactStore,
  { manifest, folder }: Pick<ModelEntry, 'manifest' | 'folder'>,
  onProgress?: (progress: FetchProgress) => void,
): Promise<PublishOutcome> {
  const { artifact } = manifest
  if (artifact.file === undefined) return publishPulled(store, artifact, onProgress)
  let outcome: PublishOutcome = 'published'
  const checkedStore: ArtifactStore = {
    ...store,
    // Asked for first; saying no has the committed file checked in any case.
    has: async () => false,
    async publish(key, bytes) {
      outcome = await compare()
      if (outcome !== 'already there') await store.publish(key, bytes)
    },
  }
  await publishArtifact(checkedStore, artifact, { folder, file: artifact.file })
  return outcome

  async function compare(): Promise<PublishOutcome> {
    try {
      await store.fetch(artifact, { onProgress })
      return 'already there'
    } catch (thrown) {
      const { code } = ServiceError.from(thrown)
      if (code === 'artifact_not_found') return 'published'
      if (damaged.includes(code)) return 'repaired'
      throw thrown
    }
  }
}

/** A file that is not committed comes from the package that its manifest names. */
async function publishPulled(
  store: ArtifactStore,
  artifact: ArtifactRef,
  onProgress: ((progress: FetchProgress) => void) | undefined,
): Promise<PublishOutcome> {
  let outcome: PublishOutcome = 'already there'
  const pulled = pulledArtifactStore({
    ...store,
    async publish(key, bytes) {
      await store.publish(key, bytes)
      outcome = 'published'
    },
  })
  await pulled.fetch(artifact, { onProgress })
  return outcome
}
