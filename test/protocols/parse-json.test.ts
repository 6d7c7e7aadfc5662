import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from '#shared/protocols/parse-json.ts'
import { refusal } from '#test/support/refusal.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const nested = (levels: number) => bytes('['.repeat(levels) + ']'.repeat(levels))

test('reads whatever JSON.parse reads, as JSON.parse reads it', () => {
  const value = fc.jsonValue({ maxDepth: 8 })
  const space = fc.constantFrom('', ' ', '\n', '\t  ')
  fc.assert(
    fc.property(value, space, (written, indent) => {
      const text = JSON.stringify(written, null, indent)
      expect(parseJson(bytes(text))).toStrictEqual(JSON.parse(text))
    }),
  )
})

test('reads with BigInts what it reads without, where all numbers are safe', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (written) => {
      const text = JSON.stringify(written, (_, value) =>
        typeof value === 'number' && !Number.isSafeInteger(value) ? 0.5 : value,
      )
      expect(parseJson(bytes(text), { bigIntegers: true })).toStrictEqual(JSON.parse(text))
    }),
  )
})

test('never fails but with a ServiceError, whatever it is sent', () => {
  const pieces = fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    '"',
    '\\',
    ',',
    ':',
    '1',
    'e',
    'null',
    'ü',
    ' ',
  )
  const texts = fc.array(pieces, { maxLength: 60 }).map((parts) => bytes(parts.join('')))
  fc.assert(
    fc.property(fc.oneof(texts, fc.uint8Array({ maxLength: 60 })), (sent) => {
      try {
        parseJson(sent)
      } catch (thrown) {
        expect(thrown).toMatchObject({ name: 'ServiceError', status: 400 })
      }
    }),
    { numRuns: 2_000 },
  )
})

test('takes 32 levels and refuses 33', () => {
  expect(parseJson(nested(32))).toBeDefined()
  expect(() => parseJson(nested(33))).toThrow(refusal('json_too_deep', '32', 'byte 32'))
  const objects = (levels: number) => bytes(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)
  expect(parseJson(objects(32))).toBeDefined()
  expect(() => parseJson(objects(33))).toThrow(refusal('json_too_deep'))
})

test('does not count brackets inside strings', () => {
  const text = JSON.stringify({ a: '['.repeat(100), '{{{{': '\\"[[' })
  expect(parseJson(bytes(text))).toStrictEqual(JSON.parse(text))
})

test('counts the depth anew for what stands side by side', () => {
  expect(parseJson(bytes(`[${Array(1_000).fill('[[]]').join()}]`))).toHaveLength(1_000)
})

test('refuses 6 MB of [ in a few milliseconds', () => {
  const bomb = new Uint8Array(6_000_000).fill(0x5b)
  const start = performance.now()
  expect(() => parseJson(bomb)).toThrow(refusal('json_too_deep'))
  expect(performance.now() - start).toBeLessThan(50)
})

test('takes a string of the limit and refuses one byte more, key or value, in bytes', () => {
  const limits = { stringBytes: 10 }
  expect(parseJson(bytes('"0123456789"'), limits)).toBe('0123456789')
  for (const text of ['"0123456789a"', '{"0123456789a":1}', '"üüüüüü"', '"01234567890']) {
    expect(() => parseJson(bytes(text), limits)).toThrow(refusal('json_string_too_long', '10'))
  }
  expect(() => parseJson(bytes(`"${'a'.repeat(1_000_001)}"`))).toThrow(
    refusal('json_string_too_long'),
  )
})

test.each([
  ['no body', '', 'empty'],
  ['half an object', '{"inputs": [1, 2', 'cut off'],
  ['a string without its end', '"abc', ''],
  ['a backslash at the end', '"abc\\', ''],
  ['NaN', '[NaN]', ''],
  ['Infinity', '[Infinity]', ''],
  ['a number with a leading zero', '[01]', ''],
  ['single quotes', "{'a': 1}", ''],
  ['a comma too many', '[1,]', ''],
  ['two values', '{} {}', ''],
  ['closing brackets first', ']]]]', ''],
])('refuses %s', (_, text, words) => {
  expect(() => parseJson(bytes(text))).toThrow(
    refusal('json_invalid', ...(words === 'cut off' ? [] : [words])),
  )
})

test('says where it is malformed without repeating what was sent', () => {
  const canary = 'canary-4711'
  const thrown = catchError(() => parseJson(bytes(`{"a": "${canary}", "b" 1}`)))
  expect(thrown).toEqual(refusal('json_invalid', 'character 25'))
  expect(JSON.stringify(thrown)).not.toContain(canary)
})

test.each([
  ['a byte that is none', [0x22, 0xff, 0x22]],
  ['half a character', [0x22, 0xc3, 0x22]],
  ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
  ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ['UTF-16', [0xff, 0xfe, 0x22, 0x00, 0x22, 0x00]],
])('refuses %s in UTF-8', (_, sent) => {
  expect(() => parseJson(Uint8Array.from(sent))).toThrow(refusal('json_invalid', 'UTF-8'))
})

test('keeps whole numbers beyond 2^53 exact where it is asked to', () => {
  const text = '[9223372036854775807, -9223372036854775808, 9007199254740993, 1, 1.5, 1e30]'
  expect(parseJson(bytes(text), { bigIntegers: true })).toStrictEqual([
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 53n + 1n,
    1,
    1.5,
    1e30,
  ])
})

test('leaves __proto__ a name like any other', () => {
  const value = parseJson(bytes('{"__proto__": {"admin": true}}'))
  expect(Object.keys(value as object)).toStrictEqual(['__proto__'])
  expect(value).not.toHaveProperty('admin')
})

function catchError(act: () => unknown): unknown {
  try {
    return act()
  } catch (thrown) {
    return thrown
  }
}
