import { expect, test } from 'vitest'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { refusal } from '#test/support/refusal.ts'
import { testEntry } from '#test/support/test-model.ts'

const entry = (name: string, version: string, folder = name, aliases: string[] = []) =>
  testEntry({ name, version, aliases }, { folder: `models/${folder}` })

const catalog = createCatalog([
  entry('iris', '10', 'iris@10', ['next']),
  entry('iris', '2', 'iris', ['stable']),
  entry('iris', '1', 'iris@1', ['old', 'first']),
  entry('digits', '3', 'digits@3'),
  entry('digits', '4', 'digits@4'),
])
const versionOf = (name: string, version?: string) => catalog.find(name, version).manifest.version

test('serves by default the version whose folder has the bare name, else the latest', () => {
  expect(versionOf('iris')).toBe('2')
  expect(versionOf('digits')).toBe('4')
})

test('finds a version by number, alias and as the latest', () => {
  expect(versionOf('iris', '1')).toBe('1')
  expect(versionOf('iris', 'first')).toBe('1')
  expect(versionOf('iris', 'stable')).toBe('2')
  expect(versionOf('iris', 'next')).toBe('10')
  expect(versionOf('iris', 'latest')).toBe('10')
})

test('lists the default versions by name, and the versions of a model oldest first', () => {
  const names = catalog.list().map(({ manifest }) => `${manifest.name}@${manifest.version}`)
  expect(names).toStrictEqual(['digits@4', 'iris@2'])
  const versions = catalog.versions('iris').map(({ manifest }) => manifest.version)
  expect(versions).toStrictEqual(['1', '2', '10'])
})

test('says which model or version there is none of', () => {
  for (const name of ['', 'Iris', 'constructor', '__proto__', 'iris@2']) {
    expect(() => catalog.find(name)).toThrow(refusal('model_not_found', `"${name}"`))
  }
  for (const version of ['', '3', '02', 'Stable', 'toString']) {
    expect(() => catalog.find('iris', version)).toThrow(
      refusal('version_not_found', 'iris', `"${version}"`),
    )
  }
  expect(catalog.list()).toHaveLength(2)
})

test('repeats no more of an unknown name than is safe to show', () => {
  const name = `a\r\nb\u001b[31m${'x'.repeat(1_000)}`
  try {
    catalog.find(name)
    expect.unreachable()
  } catch (thrown) {
    expect(String(thrown)).toMatch(/^[\x20-\x7e]+$/)
    expect(String(thrown).length).toBeLessThan(120)
  }
})

test.each([
  ['the same version twice', entry('a', '1'), entry('a', '1', 'a@1'), 'a@1'],
  ['an alias of two versions', entry('a', '1', 'a', ['x']), entry('a', '2', 'a@2', ['x']), 'a@x'],
  ['an alias called latest', entry('a', '1', 'a', ['latest']), entry('b', '1'), 'a@latest'],
])('refuses %s', (_, one, other, label) => {
  expect(() => createCatalog([one, other])).toThrow(refusal('configuration_invalid', label))
})

test('holds nothing without models', () => {
  expect(createCatalog([]).list()).toStrictEqual([])
})
