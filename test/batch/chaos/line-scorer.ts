import type { InputRecord } from '#shared/batch/chunk.ts'
import { readRecords } from '#shared/batch/formats/read-records.ts'
import type { Scorer } from '#shared/batch/scorer.ts'

export interface LineScorerOptions {
  /** The one wait there is, at each step of a chunk. */
  readonly pause?: () => Promise<void>
  /** Told of each chunk that was scored, by the byte that it begins at. */
  readonly onScored?: (start: number) => void
}

/** What the model of these schedules says of a text: quick, and the same everywhere. */
export const judge = (text: string) => ({
  length: text.length,
  sum: Buffer.from(text).reduce((sum, byte) => sum + byte, 0),
})

export const notText = { code: 'input_invalid', detail: 'It is no text.' }

/** Scores texts in this process: what schedules need of a scorer that run a million times. */
export function createLineScorer({
  pause = async () => undefined,
  onScored = () => undefined,
}: LineScorerOptions = {}): Scorer {
  const partLine = ({ value, error, offset, line }: InputRecord): string =>
    typeof value === 'string'
      ? JSON.stringify({ outputs: judge(value) })
      : JSON.stringify({ error: error ?? notText, offset, line })

  return {
    size: 1,
    async open({ source, range, read }) {
      await pause()
      const records: InputRecord[] = []
      let lines = 0
      for await (const batch of readRecords(source, range, read)) {
        records.push(...batch.records)
        lines = batch.lines
      }
      const readable = records.filter(({ error }) => error === undefined).length
      return {
        units: { calls: readable, rows: readable },
        async score() {
          await pause()
          const results = records.filter(({ value }) => typeof value === 'string').length
          const part = Buffer.from(records.map((record) => `${partLine(record)}\n`).join(''))
          onScored(range.start)
          const errors = records.length - results
          return { part, results, errors, lines, units: { calls: results, rows: results } }
        },
        close: pause,
      }
    },
    close: async () => undefined,
  }
}
