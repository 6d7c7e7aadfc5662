import type { ArtifactRef, ArtifactStore } from './artifact-store.ts'
import { readCommittedArtifact } from './read-committed-artifact.ts'

/**
 * Puts a model's committed file into a store, unless it is there already.
 *
 * @param source the file on disk
 * @returns whether it had to be stored
 * @throws ServiceError `artifact_digest_mismatch` where the file is not the one of the manifest
 */
export async function publishArtifact(
  store: ArtifactStore,
  ref: ArtifactRef,
  source: { folder: string; file: string },
): Promise<boolean> {
  if (await store.has(ref)) return false
  await store.publish(ref.key, await readCommittedArtifact(ref, source))
  return true
}
