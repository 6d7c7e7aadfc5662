import { byteLetters, bytesOfWord } from './byte-alphabet.ts'
import type { ChatMessage, Tokenizer } from './generator.ts'
import { type Merge, mergePairs } from './merge-pairs.ts'
import type { TokenizerFile } from './tokenizer-file.ts'

/** Words are remembered up to this many: text repeats itself, and most words are short. */
const mostWords = 20_000
const longestWord = 64

/**
 * A byte-level BPE tokenizer as GPT-2's and SmolLM2's. Text is only ever text: what looks like a
 * special token in it is spelt out, so nobody can end a turn of a conversation from within a message.
 */
export function createBytePairTokenizer(file: TokenizerFile): Tokenizer {
  const { ids, merges, special, system } = file
  const size = Math.max(...ids.values(), ...special.values()) + 1
  const idOf = (word: string): number => {
    const id = special.get(word) ?? ids.get(word)
    if (id === undefined) throw new RangeError('The tokenizer lacks a token that it refers to.')
    return id
  }
  const pairs = new Map<number, Merge>()
  for (const [rank, [left, right]] of merges.entries()) {
    pairs.set(idOf(left) * size + idOf(right), { rank, token: idOf(left + right) })
  }
  const find = (left: number, right: number) => pairs.get(left * size + right)
  // A vocabulary may lack bytes that are in no text; where they come up all the same, they are left out.
  const byteTokens = byteLetters.map((letter) => ids.get(letter))
  // What a special token says is not part of the text.
  const bytes: Uint8Array[] = Array.from({ length: size }, () => new Uint8Array())
  for (const [word, id] of ids) if (!special.has(word)) bytes[id] = bytesOfWord(word)
  const split = file.digitsApart ? splitDigits : splitWords
  const known = new Map<string, readonly number[]>()

  function encodeWord(word: string): readonly number[] {
    const remembered = known.get(word)
    if (remembered) return remembered
    const tokens = mergePairs(
      [...Buffer.from(word)].flatMap((byte) => byteTokens[byte] ?? []),
      find,
    )
    if (word.length <= longestWord) {
      if (known.size >= mostWords) known.clear()
      known.set(word, tokens)
    }
    return tokens
  }

  const encode = (text: string): number[] => split(text.toWellFormed()).flatMap(encodeWord)

  return {
    encode,
    decodeBytes: (tokens) => Buffer.concat(tokens.map((token) => bytes[token] ?? new Uint8Array())),
    stopTokens: file.stopTokens.map(idOf),
    /** ChatML: each turn between two special tokens, then the beginning of the answer. */
    chat(messages) {
      const [start, end] = [idOf('<|im_start|>'), idOf('<|im_end|>')]
      const isComplete = system === undefined || messages[0]?.role === 'system'
      const opening: ChatMessage[] = isComplete ? [] : [{ role: 'system', content: system }]
      const turns = [...opening, ...messages].flatMap(({ role, content }) => [
        start,
        ...encode(`${role}\n${content}`),
        end,
        ...encode('\n'),
      ])
      return [...turns, start, ...encode('assistant\n')]
    },
  }
}

/** GPT-2's pattern: a word takes the space before it along. A space is Unicode's, not JavaScript's `\s`. */
const words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu
const digits = /\p{N}|\P{N}+/gu

/** Text into words that are encoded each for itself. */
const splitWords = (text: string): string[] => text.match(words) ?? []
/** As before, and every digit by itself (SmolLM2). */
const splitDigits = (text: string): string[] => (text.match(digits) ?? []).flatMap(splitWords)
