import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { LanguageModel } from '#shared/generation/complete.ts'
import type { GenerationSource } from '#shared/generation/generation-messages.ts'
import type { Generator } from '#shared/generation/generator.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'
import { readWriter } from './read-writer.ts'

export interface OpenGeneratorOptions {
  readonly readArtifact: ReadArtifact
  readonly threads: number
  /** Where it runs: in a worker of its own, or in the caller's thread. */
  readonly start: (source: GenerationSource) => Promise<Generator>
}

/**
 * A model of the task `text-generation`, with its tokenizer.
 * @throws ServiceError `configuration_invalid`, those of fetching and loading
 */
export async function openGenerator(
  entry: ModelEntry,
  { readArtifact, threads, start }: OpenGeneratorOptions,
): Promise<LanguageModel> {
  const { contextTokens, shape, tokenizer } = readWriter(entry)
  const { artifact, providers } = entry.manifest
  const generator = await start({
    model: modelKey(entry),
    readBytes: () => readArtifact(entry),
    format: artifact.format,
    providers,
    threads,
    shape,
    contextTokens,
  })
  return { generator, tokenizer }
}
