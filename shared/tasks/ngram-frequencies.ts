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
  const { letterOf, letterCount, next, columns } = ngramTree(lists.flat())
  const readLetters = letterReader(letterOf, characters)

  return (text, features) => {
    const letters = readLetters(text)
    // Counted first, exactly, and divided once at the end: the result is the rounded exact quotient.
    for (let start = 0; start < letters.length; start += 1) {
      let place = 0
      for (let at = start; at < letters.length; at += 1) {
        place = next[place * letterCount + (letters[at] as number)] as number
        if (place === 0) break
        const column = columns[place] as number
        if (column >= 0) features[column] = (features[column] as number) + 1
      }
    }
    let column = 0
    for (const [index, { length }] of lists.entries()) {
      const total = letters.length - index
      for (const end = column + length; column < end; column += 1) {
        if (features[column]) features[column] = (features[column] as number) / total
      }
    }
  }
}

/**
 * N-grams as a tree from place 0: which place follows on which letter, 0 for none, and the column of
 * the n-gram that ends there, -1 for none. Letters are the UTF-16 units that n-grams consist of,
 * numbered from 1; 0 is any other. Looking up pieces of the text would copy each first. Of some
 * hundreds of n-grams over some hundred letters the table has about 1 MB.
 */
function ngramTree(ngrams: readonly string[]) {
  const units = new Set(ngrams.join('').split(''))
  const letterOf = new Map([...units].map((unit, index) => [unit.charCodeAt(0), index + 1]))
  const letterCount = units.size + 1
  const next = new Int32Array((ngrams.join('').length + 1) * letterCount)
  const columns = [-1]
  for (const [column, ngram] of ngrams.entries()) {
    let place = 0
    for (let at = 0; at < ngram.length; at += 1) {
      const step = place * letterCount + (letterOf.get(ngram.charCodeAt(at)) ?? 0)
      if (next[step] === 0) next[step] = columns.push(-1) - 1
      place = next[step] as number
    }
    columns[place] = column
  }
  return { letterOf, letterCount, next, columns: Int32Array.from(columns) }
}

/** What a UTF-16 unit is to a reader of letters, beside a letter of 0 or more. */
const kinds = { unknown: -1, space: -2, nothing: -3, special: -4 } as const

/**
 * Reads the letters of a text as `normalize` has it, in one pass without a string: each unit is looked
 * up. Texts with units that are not normalized one by one take the long way.
 */
function letterReader(
  letterOf: ReadonlyMap<number, number>,
  characters: number,
): (text: string) => Int16Array {
  const kindOf = new Int16Array(65_536).fill(kinds.unknown)
  const letters = new Int16Array(characters + 2)
  const space = letterOf.get(0x20) ?? 0

  const learn = (unit: number): number => {
    const text = String.fromCharCode(unit)
    const lower = text.toLowerCase()
    // Half a character; a sigma, which has another form at the end of words; what becomes two units.
    const isSpecial = (unit & 0xf800) === 0xd800 || unit === 0x3a3 || lower.length > 1
    let kind: number = kinds.nothing
    if (isSpecial) kind = kinds.special
    else if (/[-\s]/.test(text)) kind = kinds.space
    else if (/[\p{L}\p{M}]/u.test(text)) kind = letterOf.get(lower.charCodeAt(0)) ?? 0
    kindOf[unit] = kind
    return kind
  }
  const inTheLongWay = (text: string): Int16Array =>
    Int16Array.from(normalize(text).split(''), (unit) => letterOf.get(unit.charCodeAt(0)) ?? 0)

  return (text) => {
    const end = Math.min(text.length, characters)
    letters[0] = space
    let length = 1
    let isParted = false
    for (let at = 0; at < end; at += 1) {
      const unit = text.charCodeAt(at)
      let kind = kindOf[unit] as number
      if (kind === kinds.unknown) kind = learn(unit)
      if (kind >= 0) {
        if (isParted && length > 1) letters[length++] = space
        isParted = false
        letters[length++] = kind
      } else if (kind === kinds.space) isParted = true
      else if (kind === kinds.special) return inTheLongWay(text.slice(0, characters))
    }
    letters[length++] = space
    return letters.subarray(0, length)
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
