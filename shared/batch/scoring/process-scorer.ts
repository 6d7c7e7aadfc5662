import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ending, TimeLimit } from '#shared/inference/killable-process.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'
import type { ChunkWork, OpenChunk, Scorer } from '../scorer.ts'
import { modelCrashed } from './model-crashed.ts'
import { scoreOpenChunk } from './score-open-chunk.ts'
import type { OpenedChunk } from './scoring-messages.ts'
import { type ScoringProcess, startScoringProcess } from './scoring-process.ts'
import { createSlots, type Slot } from './slots.ts'

export interface ProcessScorerOptions {
  /** What each process runs: a module that calls `runScoreProcess`. */
  program: URL
  readArtifact: ReadArtifact
  /** How many chunks are scored at a time, each in a process with one thread: one a CPU is best. */
  size: number
  /** Of each process, its own 100 MB included. */
  memoryLimitBytes: number
  /**
   * A process that holds more between two chunks makes room for a fresh one: memory that no chunk needs
   * any more must not be what the next one dies of. Default: three quarters of the limit.
   */
  recycleBytes?: number | undefined
  /** A folder of its own for compiled code: a process then starts in less than half the time. */
  codeCache?: string | undefined
  /** CPU time of one run; default: the limit of a call of the model. */
  runTimeoutMs?: number | undefined
  /** CPU time for splitting a chunk, and for loading a model. */
  prepareTimeoutMs?: number
  /** How long a process without work is kept, with the model that it has loaded. */
  idleMs?: number
  /** A process has died at its work: for the log. */
  onDeath?: (ending: Ending, model: string) => void
  /** A process has made room for a fresh one. */
  onRecycle?: (rssBytes: number, model: string) => void
}

/** How many processes may die in a row before they have begun their first run. */
const hopelessStarts = 3

export function createProcessScorer({
  program,
  readArtifact,
  size,
  memoryLimitBytes,
  recycleBytes = memoryLimitBytes * 0.75,
  codeCache,
  runTimeoutMs,
  prepareTimeoutMs = 60_000,
  idleMs = 60_000,
  onDeath = () => undefined,
  onRecycle = () => undefined,
}: ProcessScorerOptions): Scorer {
  const slots = createSlots<ScoringProcess>(size)
  const timers = new Map<Slot<ScoringProcess>, NodeJS.Timeout>()
  // A chunk may be long in coming, so the clock says nothing here.
  const prepareLimit: TimeLimit = { cpuMs: prepareTimeoutMs }

  const processOf = (slot: Slot<ScoringProcess>): ScoringProcess => {
    if (slot.tool) return slot.tool
    const tool = startScoringProcess({
      program,
      readArtifact,
      memoryLimitBytes,
      codeCache,
      prepareLimit,
    })
    void tool.ended.then(() => {
      if (slot.tool === tool) slot.tool = undefined
    })
    slot.tool = tool
    return tool
  }
  const bury = (slot: Slot<ScoringProcess>, ending: Ending): void => {
    onDeath(ending, slot.key ?? '')
    if (ending.kind === 'stopped') throw new ServiceError('overloaded')
  }
  const end = (slot: Slot<ScoringProcess>): void => {
    slot.tool?.kill()
    slot.tool = undefined
  }
  const giveBack = (slot: Slot<ScoringProcess>): void => {
    const rssBytes = slot.tool?.rssBytes() ?? 0
    if (rssBytes > recycleBytes) {
      end(slot)
      onRecycle(rssBytes, slot.key ?? '')
    }
    slot.tool?.rest()
    slots.release(slot)
    timers.set(slot, setTimeout(() => end(slot), idleMs).unref())
  }

  /** Opens the chunk in a process of the slot, a new one where it has died. */
  async function openIn(slot: Slot<ScoringProcess>, work: ChunkWork): Promise<OpenedChunk> {
    for (let deaths = 1; ; deaths += 1) {
      const outcome = await processOf(slot).open(work)
      if (outcome.kind === 'survived') return outcome.result
      bury(slot, outcome.ending)
      if (deaths === hopelessStarts) throw modelCrashed(work, outcome.ending)
    }
  }

  return {
    size,
    async open(work): Promise<OpenChunk> {
      const slot = await slots.acquire(modelKey(work.entry))
      clearTimeout(timers.get(slot))
      let isScoring = false
      let isOpen = true
      try {
        const opened = await openIn(slot, work)
        return {
          units: opened.units,
          async score() {
            isScoring = true
            try {
              return await scoreOpenChunk({
                work,
                lines: opened.lines,
                runTimeoutMs: runTimeoutMs ?? work.entry.manifest.limits.timeoutMs,
                hopelessStarts,
                process: () => processOf(slot),
                async reopen(ending) {
                  bury(slot, ending)
                  // Given up meanwhile: what runs in the slot now is another's.
                  if (!isOpen) throw new ServiceError('overloaded')
                  await openIn(slot, work)
                },
              })
            } finally {
              isScoring = false
            }
          },
          async close() {
            if (!isOpen) return
            isOpen = false
            if (isScoring) end(slot)
            giveBack(slot)
          },
        }
      } catch (thrown) {
        giveBack(slot)
        throw thrown
      }
    },
    async close() {
      slots.close(new ServiceError('overloaded'))
      for (const timer of timers.values()) clearTimeout(timer)
      const processes = slots.all.flatMap(({ tool }) => tool ?? [])
      for (const process of processes) process.kill()
      await Promise.all(processes.map(({ ended }) => ended))
    },
  }
}
