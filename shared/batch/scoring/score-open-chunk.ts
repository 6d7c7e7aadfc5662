import type { Ending, TimeLimit } from '#shared/inference/killable-process.ts'
import type { ScoredChunk } from '../chunk.ts'
import type { ChunkWork } from '../scorer.ts'
import { modelCrashed } from './model-crashed.ts'
import type { RecordRange } from './scoring-messages.ts'
import type { ScoringProcess } from './scoring-process.ts'
import { createSuspects } from './suspects.ts'

export interface ScoreOpenChunkOptions {
  work: ChunkWork
  lines: number
  /** CPU time of one run. */
  runTimeoutMs: number
  hopelessStarts: number
  /** The process in which the chunk is open. */
  process: () => ScoringProcess
  /** Opens the chunk in a new process. @throws ServiceError */
  reopen: (ending: Ending) => Promise<void>
}

/** So many condemned records, and no result among them, are the model's fault. */
const hopelessRecords = 10

/** A run that sleeps uses no CPU time; so much longer may it take by the clock. */
const clockFactor = 10

/**
 * Scores a chunk over as many processes as it takes. What a dead one had sent is kept, so that only
 * its last moments are run again.
 * @throws ServiceError of loading the model; `model_crashed` where no process gets anywhere
 */
export async function scoreOpenChunk({
  work,
  lines,
  runTimeoutMs,
  hopelessStarts,
  process,
  reopen,
}: ScoreOpenChunkOptions): Promise<ScoredChunk> {
  const suspects = createSuspects()
  const pieces: Uint8Array[] = []
  let next = 0
  let results = 0
  let errors = 0
  let rows = 0
  let starts = 0
  /** Condemned records when the last result came. */
  let condemnedBefore = 0

  for (;;) {
    let running: RecordRange | undefined
    const outcome = await process().score(suspects.order(next), {
      running(range) {
        running = range
        return limitOf(range, suspects.suspects(range), runTimeoutMs)
      },
      part(piece) {
        pieces.push(piece.bytes)
        next = piece.next
        results += piece.results
        errors += piece.errors
        rows += piece.rows
        if (piece.results > 0) condemnedBefore = suspects.condemned
      },
    })
    if (outcome.kind === 'survived') break
    const { ending } = outcome
    if (running) suspects.died(running, ending.kind)
    starts = running ? 0 : starts + 1
    const condemned = suspects.condemned - condemnedBefore
    if (starts === hopelessStarts || condemned === hopelessRecords) throw modelCrashed(work, ending)
    await reopen(ending)
  }
  return {
    part: Buffer.concat(pieces),
    results,
    errors,
    lines,
    units: { calls: results, rows },
  }
}

/**
 * Halves of a run that killed its process get a quarter of the time: if that is wrong, they are cut
 * once more, and a single record always has all of it.
 */
function limitOf({ first, end }: RecordRange, isSuspect: boolean, timeoutMs: number): TimeLimit {
  const cpuMs = isSuspect && end - first > 1 ? timeoutMs / 4 : timeoutMs
  return { cpuMs, clockMs: cpuMs * clockFactor }
}
