import { array, assert, boolean, constantFrom, integer, property, tuple } from 'fast-check'
import { expect, test } from 'vitest'
import type { Job } from '#shared/batch/job.ts'
import { createResultLines, outputLines } from '#shared/batch/result-rows.ts'

const job = { id: 'job_1', order: { records: { kind: 'input' } } } as Job

test('results are numbered from bytes to bytes as they are line by line, whatever their length', () => {
  const line = tuple(boolean(), constantFrom('', 'é', 'x'.repeat(5_000), '"error":'))
  const first = constantFrom(0, 8, 9, 98, 99_998, 999_999_998, 2 ** 40)
  assert(
    property(
      array(array(line)),
      first,
      integer({ min: 0, max: 9 }),
      (parts, start, linesBefore) => {
        const numbered = createResultLines()
        let record = start
        for (const lines of parts) {
          const texts = lines.map(([isError, text], at) =>
            JSON.stringify(isError ? { error: { code: text }, line: at } : { outputs: text }),
          )
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
          const place = { chunk: 0, record, linesBefore }
          const part = { ...place, bytes, next: place }
          const expected = [...outputLines(part, job, 'results')]
            .map((text) => `${text}\n`)
            .join('')
          expect(Buffer.from(numbered(part)).toString()).toBe(expected)
          record += lines.length
        }
      },
    ),
  )
})
