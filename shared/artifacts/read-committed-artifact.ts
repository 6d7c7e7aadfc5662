import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ArtifactRef } from './artifact-store.ts'

/**
 * The file that lies beside its manifest.
 * @throws ServiceError `artifact_not_found`, `artifact_digest_mismatch`
 */
export async function readCommittedArtifact(
  { sha256 }: Pick<ArtifactRef, 'sha256'>,
  source: { folder: string; file: string },
): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(source.folder, source.file)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ServiceError('artifact_not_found', { detail: `${path} cannot be read.`, cause })
  })
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return new Uint8Array(bytes)
  throw new ServiceError('artifact_digest_mismatch', {
    detail: `${path} is not the file that its manifest describes.`,
    fix: 'Run the recipe again, which writes the digest into the manifest.',
  })
}
