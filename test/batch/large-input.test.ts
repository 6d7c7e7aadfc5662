import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { LargeInputTold } from './large-input-child.ts'

/** `npm run prove` asks for 10,000. */
const megabytes = Number(process.env.PERCALL_BATCH_MEGABYTES ?? 120)
const recordBytes = 1_000
const key = 'uploads/acme/large.csv'
const columns = 'sepal length (cm),sepal width (cm),petal length (cm),petal width (cm),note'

/** A table whose records are long for a remark that no model wants; no two records are the same. */
async function writeTable(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const file = await open(path, 'w')
  await file.write(`${columns}\n`)
  for (let first = 0; first < megabytes * 1_000; first += 1_000) {
    const rows = Array.from({ length: 1_000 }, (_, at) => {
      const row = `${4 + (at % 30) / 10},3.5,${1 + (at % 50) / 10},0.2,record ${first + at} `
      return `${row.padEnd(recordBytes - 1, '.')}\n`
    })
    await file.write(rows.join(''))
  }
  await file.close()
}

test(`${megabytes} MB are planned, scored and published in 512 MB, which are two processes`, {
  timeout: 120_000 + megabytes * 1_000,
}, async () => {
  const home = mkdtempSync(join(tmpdir(), 'percall-large-'))
  await writeTable(join(home, 'batch', key))
  const program = new URL('large-input-child.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)('node', [program, home, key])
  const told = JSON.parse(stdout) as LargeInputTold
  expect(told).toMatchObject({ state: 'published', results: megabytes * 1_000 })
  expect(told.hostPeakMB + told.scoringPeakMB).toBeLessThan(512)
  expect(told.scoringPeakMB).toBeLessThan(230)
  // Whoever held an input of 120 MB, or read it without ever letting go, would have more. What is
  // remembered of a chunk are some 5 kB, so that of 10,000 chunks there is more in the host.
  expect(told.hostPeakMB).toBeLessThan(megabytes > 1_000 ? 280 : 230)
})
