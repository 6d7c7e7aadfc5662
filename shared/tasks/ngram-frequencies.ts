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
 * Time is linear in the length of the text.
 * @param characters how much of a text is read; what follows is not looked at
 */
export function ngramFrequencies(
  { unigrams, bigrams, trigrams, quadgrams }: NgramVocabulary,
  characters: number,
): NgramExtractor {
  const lists = [unigrams, bigrams, trigrams, quadgrams]
  const { next, columns } = ngramTree(lists.flat())

  return (text, features) => {
    const normalized = normalize(text.slice(0, characters))
    // Counted first, exactly, and divided once at the end: the result is the rounded exact quotient.
    for (let start = 0; start < normalized.length; start += 1) {
      let place = 0
      for (let at = start; at < normalized.length; at += 1) {
        const found = next.get(place * units + normalized.charCodeAt(at))
        if (found === undefined) break
        place = found
        const column = columns[place] ?? -1
        if (column >= 0) features[column] = (features[column] ?? 0) + 1
      }
    }
    let column = 0
    for (const [index, { length }] of lists.entries()) {
      const total = normalized.length - index
      for (const end = column + length; column < end; column += 1) {
        if (features[column]) features[column] = (features[column] ?? 0) / total
      }
    }
  }
}

/** How many UTF-16 units there are. */
const units = 65_536

/**
 * N-grams as a tree, unit by unit from place 0: which place follows which on a unit, and the column
 * of the n-gram that ends there, -1 for none. Looking up pieces of the text would copy each first.
 */
function ngramTree(ngrams: readonly string[]) {
  const next = new Map<number, number>()
  const columns = [-1]
  for (const [column, ngram] of ngrams.entries()) {
    let place = 0
    for (let at = 0; at < ngram.length; at += 1) {
      const step = place * units + ngram.charCodeAt(at)
      place = next.get(step) ?? columns.push(-1) - 1
      next.set(step, place)
    }
    columns[place] = column
  }
  return { next, columns }
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
