import { z } from 'zod'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createBytePairTokenizer } from '#shared/generation/byte-pair-tokenizer.ts'
import type { LanguageModel } from '#shared/generation/complete.ts'
import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import { parseTokenizerFile } from '#shared/generation/tokenizer-file.ts'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'

const writingOptions = z.strictObject({
  files: z.strictObject({ tokenizer: z.string() }),
  /** Prompt and answer together. */
  contextTokens: z.int().positive(),
  shape: z.strictObject({
    kvHeads: z.int().positive(),
    headSize: z.int().positive(),
    vocabulary: z.int().positive(),
  }),
})

/**
 * A model of the task `text-generation`, in a thread of its own, with its tokenizer.
 * @throws ServiceError `configuration_invalid`, those of fetching and loading
 */
export async function openGenerator(
  entry: ModelEntry,
  { readArtifact, threads }: { readArtifact: ReadArtifact; threads: number },
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
  const generator = await startGenerationThread({
    bytes: await readArtifact(entry),
    format: manifest.artifact.format,
    threads,
    shape,
    contextTokens,
  })
  return { generator, tokenizer }
}
