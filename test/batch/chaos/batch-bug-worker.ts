import { parentPort } from 'node:worker_threads'
import type { BugReport } from '#test/simulator/find-bugs.ts'
import { drawScenario } from './batch-scenario.ts'
import { plantBatchBug } from './plant-batch-bug.ts'
import type { PlantedBatchBug } from './planted-batch-bugs.ts'
import { simulateBatch } from './simulate-batch.ts'

/** A bug that lives through so many schedules counts as not found. */
const patience = 3_000

Error.stackTraceLimit = 0

function scenarioOf({ event }: PlantedBatchBug, seed: number) {
  const drawn = drawScenario(seed)
  return event ? { ...drawn, event: { kind: event } } : drawn
}

async function findBug(bug: PlantedBatchBug): Promise<BugReport> {
  const code = await plantBatchBug(bug)
  for (let seed = 1; seed <= patience; seed += 1) {
    const [violation] = (await simulateBatch(seed, { code, scenario: scenarioOf(bug, seed) }))
      .violations
    if (violation) return { name: bug.name, schedules: seed, rule: violation.rule }
  }
  return { name: bug.name, schedules: undefined, rule: undefined }
}

parentPort?.on('message', async (bug: PlantedBatchBug) => {
  parentPort?.postMessage(await findBug(bug))
})
