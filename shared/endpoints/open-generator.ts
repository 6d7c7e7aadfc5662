import * as z from 'zod/mini'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createBytePairTokenizer } from '#shared/generation/byte-pair-tokenizer.ts'
import type { LanguageModel } from '#shared/generation/complete.ts'
import type { GenerationWorkerData } from '#shared/generation/generation-messages.ts'
import type { Generator } from '#shared/generation/generator.ts'
import { parseTokenizerFile } from '#shared/generation/tokenizer-file.ts'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'

const count = z.int().check(z.positive())
const writingOptions = z.strictObject({
  files: z.strictObject({ tokenizer: z.string() }),
  /** Prompt and answer together. */
  contextTokens: count,
  shape: z.strictObject({ kvHeads: count, headSize: count, vocabulary: count }),
})

export interface OpenGeneratorOptions {
  readonly readArtifact: ReadArtifact
  readonly threads: number
  /** Where it runs: in a thread of its own, or in the caller's. */
  readonly start: (options: GenerationWorkerData) => Promise<Generator>
}

/**
 * A model of the task `text-generation`, with its tokenizer.
 * @throws ServiceError `configuration_invalid`, those of fetching and loading
 */
export async function openGenerator(
  entry: ModelEntry,
  { readArtifact, threads, start }: OpenGeneratorOptions,
): Promise<LanguageModel> {
  const { manifest, files } = entry
  const options = writingOptions.safeParse(manifest.task.options)
  if (!options.success) {
    throw new ServiceError('configuration_invalid', {
      detail: `The options of ${manifest.name} cannot be used:\n${z.prettifyError(options.error)}`,
    })
  }
  const { contextTokens, shape, files: names } = options.data
  const tokenizer = createBytePairTokenizer(parseTokenizerFile(files[names.tokenizer]))
  const generator = await start({
    bytes: await readArtifact(entry),
    format: manifest.artifact.format,
    threads,
    shape,
    contextTokens,
  })
  return { generator, tokenizer }
}
