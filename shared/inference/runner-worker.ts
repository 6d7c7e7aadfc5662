import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { ReadArtifact } from './model-runner.ts'
import type { Answer, Work } from './worker-messages.ts'

/** A thread or a process that runs models, one run at a time. */
export interface RunnerWorker {
  /** The models that it has been given work for, the last used last, and so has loaded or is loading. */
  readonly entries: ReadonlyMap<string, ModelEntry>
  /**
   * Does what may share a run. What one of them throws is in its answer.
   * @throws ServiceError `inference_failed`, `out_of_memory` where the worker has ended meanwhile
   */
  run(entry: ModelEntry, works: readonly Work[]): Promise<readonly Answer[]>
  /** Ends it once the run under way has ended; at once where that still waits for a model's file. */
  end(): Promise<void>
  /** Ends it in the middle of a run, where that can be done; else as `end`. */
  kill(): Promise<void>
  /** Whether a run in it can be stopped. */
  readonly canBeKilled: boolean
  /** Whether it has grown or worked so much that another should take its place. */
  readonly isWorn: boolean
}

export interface RunnerWorkerOptions {
  readArtifact: ReadArtifact
  /** How many models it keeps loaded. */
  modelLimit: number
  /** Called once it has ended, for whatever reason. */
  onExit: () => void
}

export type StartRunnerWorker = (options: RunnerWorkerOptions) => RunnerWorker
