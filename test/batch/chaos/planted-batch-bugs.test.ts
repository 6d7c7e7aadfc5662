import { expect, test } from 'vitest'
import { bugTable, findBugs } from '#test/simulator/find-bugs.ts'
import { plantBatchBug } from './plant-batch-bug.ts'
import { type PlantedBatchBug, plantedBatchBugs } from './planted-batch-bugs.ts'

test('every bug planted into the use cases of batches is found', { timeout: 600_000 }, async () => {
  const worker = new URL('./batch-bug-worker.ts', import.meta.url)
  const reports = await findBugs(plantedBatchBugs, { worker })
  process.stdout.write(`${bugTable(reports)}\n`)
  expect(reports.filter(({ rule }) => rule === undefined)).toEqual([])
})

test('a bug whose place in the code is gone is told, not skipped', async () => {
  const change = { file: 'plan-job.ts', find: 'no such line', replace: '' }
  const bug: PlantedBatchBug = { name: 'faded', changes: [change] }
  await expect(plantBatchBug(bug)).rejects.toThrow('plant "faded" anew')
})
