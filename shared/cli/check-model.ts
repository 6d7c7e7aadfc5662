import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import type { Environment } from '#shared/config/environment.ts'
import { openArtifactStore } from '#shared/endpoints/open-artifact-store.ts'
import { openGenerator } from '#shared/endpoints/open-generator.ts'
import { plainModel } from '#shared/endpoints/predict-text.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createLanguageModels, writesText } from '#shared/generation/language-models.ts'
import { openOnnxGenerator } from '#shared/generation/open-onnx-generator.ts'
import { checkGoldenSample } from '#shared/inference/golden-sample.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'

/**
 * Fetches, loads and runs one version of a model, as a first call would.
 * @returns what was found to be well
 * @throws ServiceError of the first step that fails
 */
export async function checkModel(entry: ModelEntry, environment: Environment): Promise<string> {
  const found = await readFileOf(entry, environment)
  if (!found) {
    return `${modelKey(entry)}: its file is not on this machine; it comes from ${entry.manifest.artifact.source}`
  }
  await prove(entry, async () => found.bytes)
  return `${modelKey(entry)}: ${found.place}, digest right, loads, golden sample passes`
}

/** @throws ServiceError of loading, `model_not_ready` */
async function prove(entry: ModelEntry, readArtifact: ReadArtifact): Promise<void> {
  const threads = threadCount(cpuShare())
  if (writesText(entry)) {
    const models = createLanguageModels(() =>
      openGenerator(entry, { readArtifact, threads, start: openOnnxGenerator }),
    )
    return checkGoldenSample(plainModel(models, entry)).finally(() => models.close())
  }
  const runner = inlineRunner({ readArtifact, threads })
  return runner.ready(entry).finally(() => runner.close())
}

async function readFileOf(entry: ModelEntry, environment: Environment) {
  const { artifact } = entry.manifest
  const store = await openArtifactStore(environment)
  try {
    return { bytes: await store.fetch(artifact), place: 'file in the store' }
  } catch (thrown) {
    const { code } = ServiceError.from(thrown)
    // The machine's own store is filled by the first start; until then the committed file counts.
    if (code !== 'artifact_not_found' || environment.PERCALL_ARTIFACTS !== undefined) throw thrown
    if (artifact.file === undefined) return undefined
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
