import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import type { Environment } from '#shared/config/environment.ts'
import { openArtifactStore } from '#shared/endpoints/open-artifact-store.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { modelKey } from '#shared/inference/model.ts'

/**
 * Fetches, loads and runs one version of a model, as a first call would.
 * @returns what was found to be well
 * @throws ServiceError of the first step that fails
 */
export async function checkModel(entry: ModelEntry, environment: Environment): Promise<string> {
  const { bytes, place } = await readFileOf(entry, environment)
  const readArtifact = async () => bytes
  const runner = inlineRunner({ readArtifact, threads: threadCount(cpuShare()) })
  try {
    await runner.ready(entry)
  } finally {
    await runner.close()
  }
  return `${modelKey(entry)}: ${place}, digest right, loads, golden sample passes`
}

async function readFileOf(entry: ModelEntry, environment: Environment) {
  const { artifact } = entry.manifest
  const store = await openArtifactStore(environment)
  try {
    return { bytes: await store.fetch(artifact), place: 'file in the store' }
  } catch (thrown) {
    const { code } = ServiceError.from(thrown)
    // The machine's own store is filled by the first start; until then the committed file counts.
    const ownStore = environment.PERCALL_ARTIFACTS === undefined && artifact.file !== undefined
    if (code !== 'artifact_not_found' || !ownStore) throw thrown
    return { bytes: await readCommitted(entry, artifact.file), place: 'file to be published' }
  }
}

async function readCommitted(
  { manifest, folder }: ModelEntry,
  file = '',
): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(folder, file)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new ServiceError('artifact_not_found', { detail: `${path} cannot be read.`, cause })
  })
  if (createHash('sha256').update(bytes).digest('hex') === manifest.artifact.sha256) {
    return new Uint8Array(bytes)
  }
  throw new ServiceError('artifact_digest_mismatch', {
    detail: `${path} is not the file that its manifest describes.`,
    fix: 'Check the file out again, or run the recipe, which writes the digest into the manifest.',
  })
}
