import { join } from 'node:path'
import type { Environment } from '#shared/config/environment.ts'
import type { ModelRunner, ReadArtifact } from '#shared/inference/model-runner.ts'
import { processRunner } from '#shared/inference/process-runner.ts'
import { threadedRunner } from '#shared/inference/threaded-runner.ts'
import { workerMemoryBytes } from './worker-memory.ts'

export interface OpenRunnerOptions {
  readArtifact: ReadArtifact
  /** Workers; one a CPU. */
  size: number
}

/** The runner of a host: workers beside the event loop, which `PERCALL_ISOLATION` makes processes or threads. */
export function openRunner(
  { PERCALL_ISOLATION, PERCALL_HOME }: Environment,
  options: OpenRunnerOptions,
): ModelRunner {
  if (PERCALL_ISOLATION === 'thread') return threadedRunner(options)
  return processRunner({
    ...options,
    memoryLimitBytes: workerMemoryBytes(options.size),
    codeCache: join(PERCALL_HOME, 'code'),
  })
}
