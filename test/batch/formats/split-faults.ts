import type { splitRecords } from '#shared/batch/formats/split-records.ts'
import type { ChunkRange } from '#shared/batch/plan.ts'
import { memoryObject } from './memory-object.ts'
import { type FoundRecord, sequentialSplit } from './sequential-split.ts'

export interface SplitCase {
  readonly bytes: Buffer
  readonly cuts: readonly number[]
  readonly quotes: boolean
  readonly blockBytes: number
  readonly recordBytes: number
}

/** Where the ranges of a case, joined, differ from one sequential reader; empty where they do not. */
export async function splitFaults(split: typeof splitRecords, one: SplitCase): Promise<string[]> {
  const wanted = sequentialSplit(one.bytes, one)
  const found = await splitInRanges(split, one)
  const faults = [JSON.stringify(wanted), JSON.stringify(found)]
  return faults[0] === faults[1] ? [] : faults
}

/** The records of all ranges that the cuts make, with lines as of the file. */
async function splitInRanges(split: typeof splitRecords, one: SplitCase): Promise<FoundRecord[]> {
  const { object, read } = memoryObject(one.bytes, one)
  const parse = (text: string) => (text === '' ? undefined : { value: text })
  const found: FoundRecord[] = []
  let linesBefore = 0
  for (const range of rangesOf(one)) {
    let lines = 0
    for await (const batch of split(read, object, range, { quotes: one.quotes, parse }, one)) {
      lines = batch.lines
      for (const { offset, line, value, error } of batch.records) {
        const text = value as string | undefined
        found.push({ offset, line: line + linesBefore, text, error: error?.code })
      }
    }
    linesBefore += lines
  }
  return found
}

function rangesOf({ bytes, cuts, quotes }: SplitCase): ChunkRange[] {
  const places = [0, ...cuts, bytes.length].sort((a, b) => a - b)
  return places.slice(1).map((end, index) => {
    const start = places[index] as number
    const before = bytes.subarray(0, start).filter((byte) => byte === 0x22).length
    return { start, end, quoted: quotes && before % 2 === 1 }
  })
}
