import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { refusal } from '#test/support/refusal.ts'
import { plainManifest } from '#test/support/test-model.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'percall-models-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
})

/** A model folder; a file given as `undefined` is left out, one given as text is written as it is. */
function writeModel(folder: string, files: Readonly<Record<string, unknown>> = {}): void {
  mkdirSync(join(directory, folder))
  const all: Record<string, unknown> = {
    'manifest.json': plainManifest,
    'labels.json': ['no', 'yes'],
    'sample.json': { inputs: [1, 2, 3, 4] },
    'expected.json': { outputs: [], metric: 'max-absolute-difference', tolerance: 0 },
    ...files,
  }
  for (const [name, content] of Object.entries(all)) {
    if (content === undefined) continue
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(join(directory, folder, name), text)
  }
}
const read = () => readModels(directory, { parse: parseManifest })

test('reads a folder: manifest, labels, sample, answer and further files', () => {
  const task = { name: 'text-classification', options: { files: { vocabulary: 'words.json' } } }
  const manifest = { ...plainManifest, task }
  writeModel('plain', { 'manifest.json': manifest, 'words.json': ['a', 'b'] })
  expect(read()).toMatchObject([
    {
      manifest: { name: 'plain', version: '1' },
      labels: ['no', 'yes'],
      files: { 'words.json': ['a', 'b'] },
      sample: { inputs: [1, 2, 3, 4] },
      expected: { tolerance: 0 },
      folder: join(directory, 'plain'),
    },
  ])
})

test('does without labels', () => {
  writeModel('plain', { 'labels.json': undefined })
  expect(read()).toMatchObject([{ labels: [] }])
})

test('reads the versions of a model from folders beside each other', () => {
  writeModel('plain')
  writeModel('plain@2', { 'manifest.json': { ...plainManifest, version: '2' } })
  const catalog = createCatalog(read())
  expect(catalog.find('plain').manifest.version).toBe('1')
  expect(catalog.find('plain', '2').folder).toBe(join(directory, 'plain@2'))
})

test('reads only the model that it is asked for', () => {
  writeModel('plain')
  writeModel('plain@2', { 'manifest.json': { ...plainManifest, version: '2' } })
  writeModel('plainer', { 'manifest.json': 'broken, but none of our business' })
  const versions = readModels(directory, { parse: parseManifest, only: 'plain' }).map(
    ({ manifest }) => manifest.version,
  )
  expect(versions.sort()).toStrictEqual(['1', '2'])
})

test('passes over what is no model folder', () => {
  writeModel('plain')
  mkdirSync(join(directory, 'notes'))
  writeFileSync(join(directory, 'requirements.txt'), '')
  expect(read()).toHaveLength(1)
})

test.each([
  ['manifest.json', '{"name": '],
  ['manifest.json', '{"name": "plain"}'],
  ['sample.json', undefined],
  ['sample.json', ''],
  ['expected.json', undefined],
  ['labels.json', '[1,'],
])('names %s where it is %j', (file, content) => {
  writeModel('plain', { [file]: content })
  expect(read).toThrow(refusal('configuration_invalid', join(directory, 'plain', file)))
})

test('names a further file that is missing', () => {
  const options = { files: { vocabulary: 'words.json' } }
  const task = { name: 'text-classification', options }
  writeModel('plain', { 'manifest.json': { ...plainManifest, task } })
  expect(read).toThrow(refusal('configuration_invalid', join('plain', 'words.json')))
})

test.each(['other', 'plain@2', 'plain@'])('refuses a folder called %s for plain@1', (folder) => {
  writeModel(folder)
  expect(read).toThrow(refusal('configuration_invalid', folder, 'plain or plain@1'))
})

test('names a folder of models that does not exist', () => {
  const missing = join(directory, 'nowhere')
  expect(() => readModels(missing)).toThrow(refusal('configuration_invalid', missing, 'ENOENT'))
})
