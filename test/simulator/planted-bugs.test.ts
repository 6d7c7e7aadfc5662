import { expect, test } from 'vitest'
import { bugTable, findBugs } from './find-bugs.ts'
import { plantBug } from './plant-bug.ts'
import { type PlantedBug, plantedBugs } from './planted-bugs.ts'

test('every planted bug is found', { timeout: 300_000 }, async () => {
  const reports = await findBugs(plantedBugs)
  process.stdout.write(`${bugTable(reports)}\n`)
  expect(reports.filter(({ rule }) => rule === undefined)).toEqual([])
})

test('a bug whose place in the code is gone is told, not skipped', async () => {
  const change = { file: 'shared/metering/sweep.ts', find: 'no such line', replace: '' }
  const bug: PlantedBug = { name: 'faded', changes: [change] }
  await expect(plantBug(bug)).rejects.toThrow('plant "faded" anew')
})
