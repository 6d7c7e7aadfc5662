import { createJsonBytes, type JsonBytes } from '#shared/tasks/json-bytes.ts'
import type { ScoredRecord } from './chunk-records.ts'
import type { PartPiece } from './scoring-messages.ts'

/** Lines that are finished and not sent yet: what a process has here is lost if it dies. */
export interface PartBuffer {
  add(scored: ScoredRecord): void
  /**
   * Writes the line of a result of one row as bytes.
   * @param line writes it without its newline; where that gives false, nothing of it stays
   * @returns what `line` did
   */
  write(line: (into: JsonBytes) => boolean): boolean
  /** Whether there is much, or it has waited long. */
  readonly isDue: boolean
  /** All of it, up to the record `next`. */
  take(next: number): PartPiece
}

const dueBytes = 65_536
const dueMs = 100
const newline = Buffer.from('\n')

export function createPartBuffer(now: () => number = () => performance.now()): PartBuffer {
  const bytes = createJsonBytes()
  let results = 0
  let errors = 0
  let rows = 0
  let takenAt = now()

  return {
    add({ line, rows: ofRecord }) {
      bytes.text(line)
      bytes.bytes(newline)
      rows += ofRecord
      if (ofRecord > 0) results += 1
      else errors += 1
    },
    write(line) {
      const { length } = bytes
      if (!line(bytes)) {
        bytes.cut(length)
        return false
      }
      bytes.bytes(newline)
      rows += 1
      results += 1
      return true
    },
    get isDue() {
      return bytes.length >= dueBytes || now() - takenAt >= dueMs
    },
    take(next) {
      const piece = { next, bytes: bytes.take(), results, errors, rows }
      results = errors = rows = 0
      takenAt = now()
      return piece
    },
  }
}
