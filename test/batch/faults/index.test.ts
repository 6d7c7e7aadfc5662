import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { faultList, localFaultList } from './fault-list.ts'

/** Every text of a file that stands between quotes: titles are among them. */
const quotedIn = (file: string): ReadonlySet<string> => {
  const source = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  return new Set(
    [...source.matchAll(/(['"`])((?:\\.|(?!\1).)*)\1/g)].map(([, , text = '']) => text),
  )
}

test('all 46 faults, and four of one machine, are injected by a test that is there', () => {
  expect([faultList.length, localFaultList.length]).toEqual([46, 4])
  const missing = [...faultList, ...localFaultList].flatMap(({ number, what, tests }) =>
    tests.length === 0
      ? [`${number} ${what}: no test`]
      : tests
          .filter(({ file, title }) => !quotedIn(file).has(title))
          .map(({ file, title }) => `${number} ${what}: "${title}" is not in ${file}`),
  )
  expect(missing).toEqual([])
})
