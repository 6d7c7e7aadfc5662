import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { currentReadme, modelsTable } from '#models/write-table.ts'

it('shows the models of the manifests in the README (else run: node models/write-table.ts)', () => {
  const text = readFileSync('README.md', 'utf8')
  expect(currentReadme(text)).toBe(text)
})

it('has a row for every model', () => {
  for (const name of ['faces', 'fashion', 'iris', 'language-id', 'spam']) {
    expect(modelsTable()).toContain(`[${name}](models/${name}/README.md)`)
  }
})
