import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ngramFrequencies } from '#shared/tasks/ngram-frequencies.ts'

const vocabulary = {
  unigrams: [' ', 'a', 'b'],
  bigrams: [' a', 'ab', 'ba', '__'],
  trigrams: ['aba', ' ab'],
  quadgrams: [' ab ', 'abab'],
}
const width = 11

describe('ngramFrequencies', () => {
  it('counts each n-gram among all of its length, with a space at both ends', () => {
    // " ab ": four letters, three pairs, two triples, one quadruple.
    expect(features('ab')).toEqual(
      Float32Array.of(0.5, 0.25, 0.25, 1 / 3, 1 / 3, 0, 0, 0, 0.5, 1, 0),
    )
  })

  it('reads past case, digits, punctuation, hyphens and runs of white space', () => {
    expect(features('  A1-!b\n\tAb ')).toEqual(features('a b ab'))
    expect(features('a---b')).toEqual(features('a b'))
  })

  it('gives what a plain count gives, for any text', () => {
    const some = fc.constantFrom(
      'a',
      'b',
      'B',
      ' ',
      '-',
      '7',
      'é',
      '𝒳',
      '\n',
      'İ',
      'Σ',
      '\ufeff',
      '\ud800',
    )
    const text = fc.string({ unit: fc.oneof({ weight: 9, arbitrary: some }, fc.string()) })
    fc.assert(
      fc.property(text, (sample) => {
        expect(features(sample)).toEqual(plainly(sample))
      }),
    )
  })

  it('finds no n-gram in names that every object inherits', () => {
    const names = { unigrams: [], bigrams: [], trigrams: [], quadgrams: ['cons', 'prot'] }
    const result = new Float32Array(2)
    ngramFrequencies(names, 100)('constructor __proto__', result)
    expect(result[0]).toBeGreaterThan(0)
    expect(features('constructor toString __proto__ valueOf').every(Number.isFinite)).toBe(true)
  })

  it('does not look at what follows the allowed number of characters', () => {
    expect(features(`ab${'b'.repeat(50)}`, 2)).toEqual(features('ab'))
  })
})

function features(text: string, characters = 1000): Float32Array {
  const result = new Float32Array(width)
  ngramFrequencies(vocabulary, characters)(text, result)
  return result
}

/** Each feature by itself: how many of the places hold the n-gram. */
function plainly(text: string): Float32Array {
  const letters = [...text.replaceAll('-', ' ')].filter((one) => /[\p{L}\p{M}\s]/u.test(one))
  const normalized = ` ${letters.join('').split(/\s+/).filter(Boolean).join(' ').toLowerCase()} `
  const share = (ngram: string) => {
    const total = normalized.length - ngram.length + 1
    const places = Array.from({ length: Math.max(0, total) }, (_, at) =>
      normalized.startsWith(ngram, at),
    )
    return places.length ? places.filter(Boolean).length / total : 0
  }
  return Float32Array.from(Object.values(vocabulary).flat().map(share))
}
