import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readEnvironment } from '#shared/config/environment.ts'
import { openJobs } from '#shared/endpoints/open-jobs.ts'

test.each([
  ['50', { light: { least: 5, most: 50 } }],
  ['2', { light: { least: 2, most: 2 } }],
  ['', undefined],
])('of functions, %s of which run calls, is known how many do at first', async (most, workers) => {
  const home = mkdtempSync(join(tmpdir(), 'percall-open-jobs-'))
  const variables = { PERCALL_HOME: home, PERCALL_JOB_CONCURRENCY: most }
  const jobs = await openJobs(readEnvironment(variables), {
    pepper: 'p'.repeat(32),
    oldPepper: undefined,
  })
  await jobs.close()
  rmSync(home, { recursive: true })
  expect(jobs.workers).toEqual(workers)
})
