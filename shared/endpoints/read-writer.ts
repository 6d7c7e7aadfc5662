import * as z from 'zod/mini'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createBytePairTokenizer } from '#shared/generation/byte-pair-tokenizer.ts'
import type { Tokenizer } from '#shared/generation/generator.ts'
import { parseTokenizerFile } from '#shared/generation/tokenizer-file.ts'

const count = z.int().check(z.positive())
const writingOptions = z.strictObject({
  files: z.strictObject({ tokenizer: z.string() }),
  /** Prompt and answer together. */
  contextTokens: count,
  shape: z.strictObject({ kvHeads: count, headSize: count, vocabulary: count }),
})

/** What is known of a model that writes without its file. */
export interface Writer extends Pick<z.output<typeof writingOptions>, 'contextTokens' | 'shape'> {
  readonly tokenizer: Tokenizer
}

/** To read a tokenizer takes long enough to be done once. */
const known = new WeakMap<ModelEntry, Writer>()

/**
 * A model of the task `text-generation`, by what its folder says.
 * @throws ServiceError `configuration_invalid`
 */
export function readWriter(entry: ModelEntry): Writer {
  const found = known.get(entry)
  if (found) return found
  const { manifest, files } = entry
  const options = writingOptions.safeParse(manifest.task.options)
  if (!options.success) {
    throw new ServiceError('configuration_invalid', {
      detail: `The options of ${manifest.name} cannot be used:\n${z.prettifyError(options.error)}`,
    })
  }
  const { contextTokens, shape, files: names } = options.data
  const tokenizer = createBytePairTokenizer(parseTokenizerFile(files[names.tokenizer]))
  const writer = { contextTokens, shape, tokenizer }
  known.set(entry, writer)
  return writer
}
