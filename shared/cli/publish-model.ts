import type { ArtifactStore, FetchProgress } from '#shared/artifacts/artifact-store.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

export type PublishOutcome = 'published' | 'already there' | 'repaired'

const damaged = ['artifact_digest_mismatch', 'artifact_truncated']

/**
 * Publishes a model's committed file, checking both ends: the file on disk must be the manifest's,
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
  const { name, artifact } = manifest
  if (artifact.file === undefined) {
    throw new ServiceError('artifact_not_found', {
      detail: `The file of ${name} is not committed; its manifest names ${artifact.source ?? 'no source'}.`,
      fix: 'Put the file beside the manifest and name it there as artifact.file.',
    })
  }
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
