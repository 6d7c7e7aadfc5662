import type { ScoredRecord } from './chunk-records.ts'
import type { PartPiece } from './scoring-messages.ts'

/** Lines that are finished and not sent yet: what a process has here is lost if it dies. */
export interface PartBuffer {
  add(scored: readonly ScoredRecord[]): void
  /** Whether there is much, or it has waited long. */
  readonly isDue: boolean
  /** All of it, up to the record `next`. */
  take(next: number): PartPiece
}

const dueCharacters = 65_536
const dueMs = 100

export function createPartBuffer(now: () => number = () => performance.now()): PartBuffer {
  let lines: string[] = []
  let characters = 0
  let results = 0
  let rows = 0
  let takenAt = now()

  return {
    add(scored) {
      for (const { line, rows: ofRecord } of scored) {
        lines.push(line)
        characters += line.length
        rows += ofRecord
        if (ofRecord > 0) results += 1
      }
    },
    get isDue() {
      return characters >= dueCharacters || now() - takenAt >= dueMs
    },
    take(next) {
      const bytes = Buffer.from(lines.length > 0 ? `${lines.join('\n')}\n` : '')
      const piece = { next, bytes, results, errors: lines.length - results, rows }
      lines = []
      characters = results = rows = 0
      takenAt = now()
      return piece
    },
  }
}
