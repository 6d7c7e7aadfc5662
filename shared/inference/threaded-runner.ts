import type { ModelRunner } from './model-runner.ts'
import { startModelThread } from './model-thread.ts'
import { type PooledRunnerOptions, pooledRunner } from './pooled-runner.ts'

/**
 * Runs models in worker threads. A deadline is answered on time, but nothing can stop a native call:
 * its thread is replaced, and ends when the call returns.
 */
export const threadedRunner = (options: PooledRunnerOptions): ModelRunner =>
  pooledRunner(startModelThread, options)
