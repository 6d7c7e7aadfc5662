import { join } from 'node:path'
import type { Environment } from '#shared/config/environment.ts'
import { startGenerationProcess } from '#shared/generation/generation-process.ts'
import { startGenerationThread } from '#shared/generation/generation-thread.ts'
import type { OpenGeneratorOptions } from './open-generator.ts'
import { workerMemoryBytes } from './worker-memory.ts'

/** Where models that write run on a host: each in a worker that `PERCALL_ISOLATION` makes a process or a thread. */
export function generatorStarter({
  PERCALL_ISOLATION,
  PERCALL_HOME,
}: Environment): OpenGeneratorOptions['start'] {
  if (PERCALL_ISOLATION === 'thread') return startGenerationThread
  const options = { memoryLimitBytes: workerMemoryBytes(1), codeCache: join(PERCALL_HOME, 'code') }
  return (source) => startGenerationProcess(source, options)
}
