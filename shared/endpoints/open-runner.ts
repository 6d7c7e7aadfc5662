import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '#shared/config/environment.ts'
import type { ModelRunner, ReadArtifact } from '#shared/inference/model-runner.ts'
import { processRunner } from '#shared/inference/process-runner.ts'
import { threadedRunner } from '#shared/inference/threaded-runner.ts'

export interface OpenRunnerOptions {
  readArtifact: ReadArtifact
  /** Workers; one a CPU. */
  size: number
}

/** What all workers together may take of the machine's memory, or of the container's. */
const memoryShare = 0.75
/** One worker needs so much, however many there are. */
const leastBytes = 1_000_000_000

/** The runner of a host: workers beside the event loop, which `PERCALL_ISOLATION` makes processes or threads. */
export function openRunner(
  { PERCALL_ISOLATION, PERCALL_HOME }: Environment,
  options: OpenRunnerOptions,
): ModelRunner {
  if (PERCALL_ISOLATION === 'thread') return threadedRunner(options)
  // 0 where nothing constrains the process, or nobody knows.
  const memoryBytes = Math.min(process.constrainedMemory() || totalmem(), totalmem())
  return processRunner({
    ...options,
    memoryLimitBytes: Math.max((memoryBytes * memoryShare) / options.size, leastBytes),
    codeCache: join(PERCALL_HOME, 'code'),
  })
}
