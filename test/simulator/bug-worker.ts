import { parentPort } from 'node:worker_threads'
import type { BugReport } from './find-bugs.ts'
import { plantBug } from './plant-bug.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { simulate } from './simulate.ts'

/** A bug that lives through so many schedules counts as not found. */
const patience = 20_000

Error.stackTraceLimit = 0

async function findBug(bug: PlantedBug): Promise<BugReport> {
  const code = await plantBug(bug)
  for (let seed = 1; seed <= patience; seed += 1) {
    const [violation] = (await simulate(seed, { code })).violations
    if (violation) return { name: bug.name, schedules: seed, rule: violation.rule }
  }
  return { name: bug.name, schedules: undefined, rule: undefined }
}

parentPort?.on('message', async (bug: PlantedBug) => {
  parentPort?.postMessage(await findBug(bug))
})
