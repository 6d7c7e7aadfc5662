import type { Job } from '#shared/batch/job.ts'
import { sweep } from '#shared/metering/sweep.ts'
import { type BatchCode, realBatchCode } from './batch-code.ts'
import { type BatchScenario, drawScenario } from './batch-scenario.ts'
import type { Violation } from './batch-witness.ts'
import { dropFile, live } from './simulated-customer.ts'
import { keepWorkers } from './simulated-workers.ts'
import { createSimulatedWorld, type Mishap } from './simulated-world.ts'

export interface SimulateBatchOptions {
  readonly code?: BatchCode
  readonly scenario?: BatchScenario
  readonly mishap?: Mishap | undefined
  /** Receives the schedule line by line. */
  readonly trace?: string[] | undefined
}

export interface BatchOutcome {
  readonly violations: readonly Violation[]
  readonly job: Job | undefined
  /** Of workers, and of their operations: as far as a mishap can be planned. */
  readonly awaits: number
  readonly calls: number
  /** How often chunks were scored. */
  readonly runs: number
}

/** One job from its file to its end, through whatever the seed says: the same each time. */
export async function simulateBatch(
  seed: number,
  { code = realBatchCode, scenario = drawScenario(seed), mishap, trace }: SimulateBatchOptions = {},
): Promise<BatchOutcome> {
  const world = createSimulatedWorld({ seed, scenario, mishap, trace })
  const { scheduler, stores, witness, state, mishaps, newActor, servicesOf } = world
  await dropFile({ code, world })
  const keeper = newActor('k')
  scheduler.start(keeper, 0, () => keepWorkers(keeper, { code, world }))
  const customer = newActor('c')
  scheduler.start(customer, 0, () => live(customer, { code, world }))
  await scheduler.run()

  // What those who died had held is given back a day later.
  const later = scheduler.now() + 86_400_000
  await sweep({ ledger: stores.ledger, now: () => later, creditGraceMs: 1e12 })
  const { jobs } = await stores.jobs.list({ tenant: 'acme', limit: 10 })
  await witness.checkEnd(jobs, { ...servicesOf(newActor('auditor')), ...stores })
  const { awaits, calls } = mishaps
  return { violations: witness.violations, job: jobs[0], awaits, calls, runs: state.runs }
}
