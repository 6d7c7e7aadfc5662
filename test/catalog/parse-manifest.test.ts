import { expect, test } from 'vitest'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { refusal } from '#test/support/refusal.ts'
import { plainManifest } from '#test/support/test-model.ts'

const parse = (changes: object) => parseManifest({ ...plainManifest, ...changes }, 'the-file.json')
const artifact = (changes: object) => ({ artifact: { ...plainManifest.artifact, ...changes } })

test('fills in what a manifest need not say', () => {
  expect(parse({})).toMatchObject({
    aliases: [],
    task: { options: {} },
    artifact: { format: 'onnx' },
    limits: {
      rows: 64,
      elements: 1_000_000,
      pixels: 16_000_000,
      nonFinite: false,
      timeoutMs: 10_000,
    },
    function: { architecture: 'arm64' },
  })
  expect(parse({ limits: { rows: 1 } }).limits).toMatchObject({ rows: 1, timeoutMs: 10_000 })
})

test.each([
  ['an unknown member', { colour: 'red' }, 'colour'],
  ['an unknown limit', { limits: { row: 1 } }, 'row'],
  ['a name with a slash', { name: 'a/b' }, 'name'],
  ['a name with an @', { name: 'a@2' }, 'name'],
  ['a reserved name', { name: 'stats' }, 'reserved'],
  ['a version that is no integer', { version: '1.2' }, 'version'],
  ['a version that is a number', { version: 1 }, 'version'],
  ['a version with a leading zero', { version: '01' }, 'version'],
  ['an alias that is a number', { aliases: ['2'] }, 'aliases'],
  ['a digest in capitals', artifact({ sha256: 'A'.repeat(64) }), 'sha256'],
  ['a digest that is too short', artifact({ sha256: 'a' }), 'sha256'],
  ['a key that starts with a slash', artifact({ key: '/etc/passwd' }), 'key'],
  ['a size of zero bytes', artifact({ bytes: 0 }), 'bytes'],
  ['another format', artifact({ format: 'pickle' }), 'format'],
  ['no inputs', { inputs: [] }, 'inputs'],
  ['an unknown datatype', { inputs: [{ name: 'x', datatype: 'BF16', shape: [1] }] }, 'datatype'],
  ['a dimension below -1', { inputs: [{ name: 'x', datatype: 'FP32', shape: [-2] }] }, 'shape'],
  ['a time of zero', { limits: { timeoutMs: 0 } }, 'timeoutMs'],
  [
    'more memory than Lambda has',
    { function: { memoryMB: 99_999, timeoutSeconds: 1 } },
    'memoryMB',
  ],
  ['a day that does not exist', { released: '2026-02-30' }, 'released'],
])('refuses %s, naming the file and the member', (_, changes, member) => {
  expect(() => parse(changes)).toThrow(refusal('configuration_invalid', 'the-file.json', member))
})

test.each([[null], ['text'], [[]], [{}]])('refuses %j for a manifest', (value) => {
  expect(() => parseManifest(value, 'the-file.json')).toThrow(
    refusal('configuration_invalid', 'the-file.json'),
  )
})
