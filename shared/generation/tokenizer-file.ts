import * as z from 'zod/mini'
import { ServiceError } from '#shared/errors/service-error.ts'

const tokenId = z.int().check(z.nonnegative())
const pair = z.tuple([z.string(), z.string()])
const byteLevel = z.object({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.optional(z.literal(true)),
})
const digits = z.object({ type: z.literal('Digits'), individual_digits: z.literal(true) })

/** As in Hugging Face's `tokenizers`: the ids of the words, and the merges in the order of their ranks. */
const listed = z.object({
  vocab: z.record(z.string(), tokenId),
  merges: z.array(
    z.union([
      z.pipe(
        z.string(),
        z.pipe(
          z.transform((text: string) => text.split(' ')),
          pair,
        ),
      ),
      pair,
    ]),
  ),
})

/**
 * The same in a third of the bytes, where ids count up from the added tokens by way of the letters to
 * what each merge makes. The merges are one text: left and right of each, with spaces between all.
 */
const counted = z.object({ letters: z.string(), merges: z.string() })

/**
 * `tokenizer.json`: the part of that format which byte-level BPE needs, and two members of our own,
 * which there lie in other files: `stop_tokens` and `chat`.
 */
const tokenizerFile = z.object({
  model: z.intersection(
    z.object({ type: z.literal('BPE'), ignore_merges: z.optional(z.literal(false)) }),
    z.union([listed, counted]),
  ),
  normalizer: z.optional(z.null()),
  pre_tokenizer: z.union([
    byteLevel,
    z.object({
      type: z.literal('Sequence'),
      pretokenizers: z.array(z.union([digits, byteLevel])),
    }),
  ]),
  /** Tokens that no text makes. */
  added_tokens: z.array(z.object({ id: tokenId, content: z.string() })),
  /** The tokens that end a text, by their content. */
  stop_tokens: z.array(z.string()),
  /** ChatML, with the system message of a conversation that brings none. */
  chat: z.optional(z.object({ system: z.optional(z.string()) })),
})

export interface TokenizerFile {
  /** Words in the byte alphabet. */
  readonly ids: ReadonlyMap<string, number>
  /** Best first. */
  readonly merges: readonly (readonly [left: string, right: string])[]
  readonly digitsApart: boolean
  readonly special: ReadonlyMap<string, number>
  readonly stopTokens: readonly string[]
  readonly system: string | undefined
}

/** @throws ServiceError `configuration_invalid` */
export function parseTokenizerFile(value: unknown): TokenizerFile {
  const parsed = tokenizerFile.safeParse(value)
  if (!parsed.success) {
    throw new ServiceError('configuration_invalid', {
      detail: `The tokenizer cannot be used:\n${z.prettifyError(parsed.error)}`,
    })
  }
  const { model, added_tokens, pre_tokenizer, stop_tokens, chat } = parsed.data
  const special = new Map(added_tokens.map(({ id, content }) => [content, id]))
  const words =
    'vocab' in model
      ? { ids: new Map(Object.entries(model.vocab)), merges: model.merges }
      : counting(model, special)
  return {
    ...words,
    special,
    digitsApart:
      pre_tokenizer.type === 'Sequence' &&
      pre_tokenizer.pretokenizers.some(({ type }) => type === 'Digits'),
    stopTokens: stop_tokens,
    system: chat?.system,
  }
}

function counting(
  { letters, merges: text }: z.infer<typeof counted>,
  special: ReadonlyMap<string, number>,
): Pick<TokenizerFile, 'ids' | 'merges'> {
  const words = text.split(' ')
  const merges: [string, string][] = []
  for (let at = 0; at + 1 < words.length; at += 2) {
    merges.push([words[at] ?? '', words[at + 1] ?? ''])
  }
  const inOrder = [...letters, ...merges.map(([left, right]) => left + right)]
  const ids = new Map(special)
  for (const word of inOrder) ids.set(word, ids.size)
  return { ids, merges }
}
