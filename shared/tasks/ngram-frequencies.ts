/** N-grams of one to four UTF-16 units; each list gives the order of its features. */
export interface NgramVocabulary {
  readonly unigrams: readonly string[]
  readonly bigrams: readonly string[]
  readonly trigrams: readonly string[]
  readonly quadgrams: readonly string[]
}

/** Writes the features of one text into `features`, which holds zeros before. */
export type NgramExtractor = (text: string, features: Float32Array) => void

/**
 * The features of the `lande` language models (github.com/fabiospampinato/lande, MIT): how often
 * each n-gram of the vocabulary occurs among all n-grams of that length in the normalized text. A
 * lone line break or tab, which `lande` keeps, becomes a space, as between words of its training text.
 * Time is linear in the length of the text; a `Map` knows no inherited names such as `constructor`.
 * @param characters how much of a text is read; what follows is not looked at
 */
export function ngramFrequencies(
  { unigrams, bigrams, trigrams, quadgrams }: NgramVocabulary,
  characters: number,
): NgramExtractor {
  const lists = [unigrams, bigrams, trigrams, quadgrams]
  const columns = new Map(lists.flat().map((ngram, column) => [ngram, column]))

  return (text, features) => {
    const normalized = normalize(text.slice(0, characters))
    lists.forEach((_, index) => {
      const length = index + 1
      const total = normalized.length - length + 1
      // Counted first and divided once at the end, so that the result is the rounded exact quotient.
      const counted = new Map<number, number>()
      for (let start = 0; start < total; start += 1) {
        const column = columns.get(normalized.slice(start, start + length))
        if (column !== undefined) counted.set(column, (counted.get(column) ?? 0) + 1)
      }
      for (const [column, count] of counted) features[column] = count / total
    })
  }
}

/** Lower-case letters and marks, words parted by single spaces, one space at both ends. */
function normalize(text: string): string {
  const words = text
    .replace(/-+/g, ' ')
    .replace(/[^\p{L}\p{M}\s]/gu, '')
    .replace(/\s+/g, ' ')
    .toLowerCase()
    .trim()
  return ` ${words} `
}
