import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ArtifactRef, ArtifactStore } from './artifact-store.ts'

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
  const path = join(source.folder, source.file)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ServiceError('artifact_not_found', { detail: `${path} cannot be read.`, cause })
  })
  if (createHash('sha256').update(bytes).digest('hex') !== ref.sha256) {
    throw new ServiceError('artifact_digest_mismatch', {
      detail: `${path} is not the file that its manifest describes.`,
      fix: 'Run the recipe again, which writes the digest into the manifest.',
    })
  }
  await store.publish(ref.key, bytes)
  return true
}
