import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { ServiceError } from '#shared/errors/service-error.ts'
import { modelKey } from './model.ts'
import type { ReadArtifact } from './model-runner.ts'
import type { RunnerWorker } from './runner-worker.ts'
import { type Answer, type FromWorker, portableError, type ToWorker } from './worker-messages.ts'

export interface WorkerLinkOptions {
  send: (message: ToWorker) => void
  /** Sends the bytes of a model's file, which others may share. */
  sendBytes: (key: string, bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>
  readArtifact: ReadArtifact
  modelLimit: number
}

/** What a runner says to one of its workers and hears of it, whatever lies between them. */
export interface WorkerLink extends Pick<RunnerWorker, 'entries' | 'run'> {
  /** The run that it is about, if any. */
  readonly current: Promise<readonly Answer[]> | undefined
  /** Whether the file of a model is on its way, so that nothing runs. */
  readonly awaitsBytes: boolean
  receive(message: FromWorker): void
  /** It has ended. */
  fail(error: ServiceError): void
}

export function createWorkerLink({
  send,
  sendBytes,
  readArtifact,
  modelLimit,
}: WorkerLinkOptions): WorkerLink {
  const entries = new Map<string, ModelEntry>()
  let run: PromiseWithResolvers<readonly Answer[]> | undefined
  let awaitsBytes = false
  send({ type: 'begin', modelLimit })

  const giveBytes = async (key: string): Promise<void> => {
    awaitsBytes = true
    try {
      await sendBytes(key, await readArtifact(entries.get(key) as ModelEntry))
    } catch (thrown) {
      send({ type: 'no-bytes', key, error: portableError(thrown) })
    }
    awaitsBytes = false
  }

  return {
    entries,
    get current() {
      return run?.promise
    },
    get awaitsBytes() {
      return awaitsBytes
    },
    receive(message) {
      if (message.type === 'fetch') void giveBytes(message.key)
      else run?.resolve(message.answers)
    },
    fail: (error) => run?.reject(error),
    async run(entry, works) {
      const key = modelKey(entry)
      if (!entries.delete(key)) send({ type: 'model', key, entry })
      entries.set(key, entry)
      run = Promise.withResolvers()
      send({ type: 'run', key, works })
      try {
        return await run.promise
      } finally {
        run = undefined
      }
    },
  }
}
