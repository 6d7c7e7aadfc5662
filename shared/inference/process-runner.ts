import { type ModelProcessOptions, startModelProcess } from './model-process.ts'
import type { ModelRunner } from './model-runner.ts'
import { type PooledRunnerOptions, pooledRunner } from './pooled-runner.ts'
import type { RunnerWorkerOptions } from './runner-worker.ts'

export type ProcessRunnerOptions = PooledRunnerOptions &
  Omit<ModelProcessOptions, keyof RunnerWorkerOptions>

/**
 * Runs models in processes of their own: a deadline ends a runaway model, a crash costs no more than
 * the calls in it, and a process that has grown is replaced.
 */
export function processRunner({
  readArtifact,
  size,
  limit,
  queueLength,
  groupSizes,
  ...process
}: ProcessRunnerOptions): ModelRunner {
  return pooledRunner((worker) => startModelProcess({ ...process, ...worker }), {
    readArtifact,
    size,
    limit,
    queueLength,
    groupSizes,
  })
}
