import { sendPieces } from './file-pieces.ts'
import { startKillableProcess } from './killable-process.ts'
import { processEnded } from './process-ended.ts'
import { processGrowth } from './process-growth.ts'
import type { RunnerWorker, RunnerWorkerOptions } from './runner-worker.ts'
import { createWorkerLink } from './worker-link.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

export interface ModelProcessOptions extends RunnerWorkerOptions {
  /** Of the process, its own 100 MB included; one that takes more is killed. */
  memoryLimitBytes: number
  /** The module to run, which calls `serveRuns`; another where a package has bundled it. */
  program?: URL
  /** Where Node keeps compiled code, so that the next process starts sooner; a private folder. */
  codeCache?: string | undefined
  /** It is worn when it has grown by so much since it had made its first runs of its models. */
  growthLimitBytes?: number
  /** It is worn after so many runs. */
  runLimit?: number
}

const ownProgram = new URL('./model-worker-process.ts', import.meta.url)

/** A worker process that runs models. It can be killed wherever it is. */
export function startModelProcess({
  onExit,
  memoryLimitBytes,
  program = ownProgram,
  codeCache,
  growthLimitBytes,
  runLimit = 1_000_000,
  ...options
}: ModelProcessOptions): RunnerWorker {
  const child = startKillableProcess<ToWorker, FromWorker>({
    program,
    memoryLimitBytes,
    codeCache,
    onMessage: (message) => link.receive(message),
  })
  const link = createWorkerLink({
    ...options,
    send: (message) => void child.send(message),
    sendBytes: (key, file) =>
      sendPieces(file, (piece) => child.send({ type: 'bytes', key, ...piece })),
  })
  const growth = processGrowth({ pid: child.pid, limitBytes: growthLimitBytes, everyMs: 250 })
  let runs = 0
  let hasGrown = false
  const ended = child.ended.then((ending) => {
    link.fail(processEnded(ending))
    onExit()
  })

  const kill = async () => {
    child.kill()
    await ended
  }

  return {
    entries: link.entries,
    canBeKilled: true,
    get isWorn() {
      return runs >= runLimit || hasGrown
    },
    async run(entry, works) {
      const models = link.entries.size
      child.allow({ cpuMs: Number.POSITIVE_INFINITY })
      try {
        return await link.run(entry, works)
      } finally {
        child.allow(undefined)
        runs += 1
        if (link.entries.size === models) hasGrown = growth.hasGrown()
        else growth.settleAnew()
      }
    },
    async end() {
      if (!link.awaitsBytes) await link.current?.catch(() => undefined)
      await kill()
    },
    kill,
  }
}
