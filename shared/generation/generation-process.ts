import { sendPieces } from '#shared/inference/file-pieces.ts'
import {
  type KillableProcessOptions,
  startKillableProcess,
} from '#shared/inference/killable-process.ts'
import { processEnded } from '#shared/inference/process-ended.ts'
import { processGrowth } from '#shared/inference/process-growth.ts'
import type {
  FromGenerationWorker,
  GenerationSource,
  ToGenerationWorker,
} from './generation-messages.ts'
import type { StartGenerationPlace } from './generation-place.ts'
import type { Generator } from './generator.ts'
import { createRemoteGenerator, type RemoteGeneratorOptions } from './remote-generator.ts'

export interface GenerationProcessOptions
  extends RemoteGeneratorOptions,
    Pick<KillableProcessOptions<never>, 'memoryLimitBytes' | 'codeCache'> {
  /** The module to run, which calls `serveGenerations`. */
  readonly program?: URL
  /** It is replaced when it has grown by so much since its first texts, its cache not counted. */
  readonly growthLimitBytes?: number
}

const ownProgram = new URL('./generation-worker-process.ts', import.meta.url)

/**
 * A generator in a process of its own: a run that never ends is ended, a crash costs no more than the
 * texts in it, and a process that has grown is replaced.
 * @throws ServiceError those of reading and loading the model
 */
export const startGenerationProcess = (
  source: GenerationSource,
  { limits = {}, ...options }: GenerationProcessOptions,
): Promise<Generator> => createRemoteGenerator(processStarter(options), source, { limits })

function processStarter({
  memoryLimitBytes,
  codeCache,
  program = ownProgram,
  growthLimitBytes,
}: Omit<GenerationProcessOptions, 'limits'>): StartGenerationPlace {
  return (receive) => {
    let reservedBytes = 0
    const child = startKillableProcess<ToGenerationWorker, FromGenerationWorker>({
      program,
      memoryLimitBytes,
      codeCache,
      onMessage(events) {
        for (const event of events) {
          if (event.type === 'ready') reservedBytes = event.reservedBytes
        }
        receive(events)
      },
    })
    const growth = processGrowth({ pid: child.pid, limitBytes: growthLimitBytes })
    return {
      send: (message) => void child.send(message),
      sendBytes: (file) => sendPieces(file, (piece) => child.send({ type: 'bytes', ...piece })),
      allow: (limitMs) =>
        child.allow(
          limitMs === undefined ? undefined : { cpuMs: Number.POSITIVE_INFINITY, clockMs: limitMs },
        ),
      async end() {
        child.kill()
        await child.ended
      },
      hasGrown: () => growth.hasGrown(reservedBytes),
      ended: child.ended.then(processEnded),
    }
  }
}
