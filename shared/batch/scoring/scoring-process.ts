import type { ServiceError } from '#shared/errors/service-error.ts'
import {
  type Ending,
  type KillableProcess,
  startKillableProcess,
  type TimeLimit,
} from '#shared/inference/killable-process.ts'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'
import { processUsage } from '#shared/inference/process-usage.ts'
import { portableError, revivedError } from '#shared/inference/worker-messages.ts'
import type { ChunkWork } from '../scorer.ts'
import type {
  FromScoring,
  OpenedChunk,
  PartPiece,
  RecordRange,
  ToScoring,
} from './scoring-messages.ts'
import type { ScoringOrder } from './suspects.ts'

export interface ScoringProcessOptions {
  program: URL
  readArtifact: ReadArtifact
  memoryLimitBytes: number
  codeCache: string | undefined
  /** For reading a chunk, and for loading its model. */
  prepareLimit: TimeLimit
}

/** A process that scores one chunk at a time, seen from its parent. What it did not survive is told. */
export interface ScoringProcess {
  /** @throws ServiceError of reading and splitting, of the parameters */
  open(work: ChunkWork): Promise<Survived<OpenedChunk>>
  /** Scores the chunk that is open. @throws ServiceError of loading the model */
  score(order: ScoringOrder, listener: ScoringListener): Promise<Survived<void>>
  /** It rests until the next `open`. */
  rest(): void
  kill(): void
  /** What it holds of the machine's memory now; 0 where that cannot be said. */
  rssBytes(): number
  readonly ended: Promise<Ending>
}

export type Survived<Result> =
  | { readonly kind: 'survived'; readonly result: Result }
  | { readonly kind: 'died'; readonly ending: Ending }

export interface ScoringListener {
  /** A run begins. @returns how long it may take */
  running(range: RecordRange): TimeLimit
  part(piece: PartPiece): void
}

interface Task {
  readonly work: ChunkWork
  readonly listener: ScoringListener | undefined
  readonly done: PromiseWithResolvers<OpenedChunk | undefined>
}

export function startScoringProcess({
  program,
  readArtifact,
  memoryLimitBytes,
  codeCache,
  prepareLimit,
}: ScoringProcessOptions): ScoringProcess {
  let task: Task | undefined
  let work: ChunkWork | undefined
  /** Readings that the process still wants. */
  const wanted = new Set<number>()
  const child: KillableProcess<ToScoring> = startKillableProcess<ToScoring, FromScoring>({
    program,
    memoryLimitBytes,
    codeCache,
    isLean: true,
    onMessage,
  })

  function onMessage(message: FromScoring): void {
    if (message.type === 'read') void giveBytes(message)
    else if (message.type === 'enough') wanted.delete(message.id)
    else if (message.type === 'fetch') void giveModel()
    else if (message.type === 'running') child.allow(task?.listener?.running(message))
    else if (message.type === 'part') task?.listener?.part(message)
    else if (message.type === 'opened') task?.done.resolve(message)
    else if (message.type === 'scored') task?.done.resolve(undefined)
    else task?.done.reject(revivedError(message.error) satisfies ServiceError)
  }

  async function giveBytes({ id, object, range }: Extract<FromScoring, { type: 'read' }>) {
    wanted.add(id)
    try {
      for await (const bytes of work?.read(object, range, { lent: true }) ?? []) {
        // Copied as it is sent, so that the next bytes may lie where these do.
        await child.send({ type: 'bytes', id, bytes })
        if (!wanted.has(id)) return
      }
      await child.send({ type: 'end', id })
    } catch (thrown) {
      await child.send({ type: 'no-bytes', id, error: portableError(thrown) })
    } finally {
      wanted.delete(id)
    }
  }

  async function giveModel(): Promise<void> {
    try {
      const bytes = await readArtifact((work as ChunkWork).entry)
      await child.send({ type: 'model', bytes })
    } catch (thrown) {
      await child.send({ type: 'no-model', error: portableError(thrown) })
    }
  }

  async function perform<Result>(
    message: ToScoring,
    listener?: ScoringListener,
  ): Promise<Survived<Result>> {
    const done = Promise.withResolvers<OpenedChunk | undefined>()
    task = { work: work as ChunkWork, listener, done }
    child.allow(prepareLimit)
    void child.send(message)
    return Promise.race([
      done.promise.then((result) => ({ kind: 'survived', result: result as Result }) as const),
      child.ended.then((ending) => {
        wanted.clear()
        return { kind: 'died', ending } as const
      }),
    ])
  }

  return {
    open(chunk) {
      work = chunk
      // Functions stay here.
      const { read: _, ...portable } = chunk
      return perform({ type: 'open', work: portable })
    },
    score: (order, listener) => perform({ type: 'score', order }, listener),
    rest() {
      task = undefined
      work = undefined
      child.allow(undefined)
    },
    kill: () => child.kill(),
    rssBytes: () => processUsage(child.pid ?? 0)?.rssBytes ?? 0,
    ended: child.ended,
  }
}
