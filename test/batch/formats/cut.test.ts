import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countRecords } from '#shared/batch/formats/count-records.ts'
import { cutCsv } from '#shared/batch/formats/cut-csv.ts'
import { cutLines } from '#shared/batch/formats/cut-lines.ts'
import { cutRows } from '#shared/batch/formats/cut-rows.ts'
import { estimateRows } from '#shared/batch/formats/estimate-rows.ts'
import { memoryObject } from './memory-object.ts'
import { trickyBytes } from './tricky-bytes.ts'

const groups = (...rows: number[]) => ({
  row_groups: rows.map((count) => ({
    columns: [],
    total_byte_size: BigInt(count * 10),
    num_rows: BigInt(count),
  })),
})

describe('cutting', () => {
  it('covers every byte once', () => {
    expect(cutLines(0, 10)).toEqual([])
    expect(cutLines(20, 10)).toEqual([
      { start: 0, end: 10 },
      { start: 10, end: 20 },
    ])
    expect(cutLines(11, 10).at(-1)).toEqual({ start: 10, end: 11 })
  })

  it('begins and ends with short ranges where it is asked to, twice and half as long as the one before', () => {
    const lengths = cutLines(60, 12, 3).map(({ start, end }) => end - start)
    expect(lengths).toEqual([3, 6, 12, 12, 12, 8, 4, 3])
    expect(cutLines(2, 12, 3)).toEqual([{ start: 0, end: 2 }])
    expect(cutLines(9, 4, 12)).toEqual(cutLines(9, 4))
  })

  it('tells of every cut of CSV whether it lies inside of quotes', async () => {
    const sizes = fc.integer({ min: 1, max: 12 })
    await fc.assert(
      fc.asyncProperty(trickyBytes, sizes, sizes, sizes, async (bytes, ...some) => {
        const [chunkBytes, blockBytes, firstBytes] = some
        const { object, read } = memoryObject(bytes, { blockBytes })
        const ranges = await cutCsv(read, object, { chunkBytes, firstBytes })
        expect(ranges.at(-1)?.end).toBe(bytes.length || undefined)
        for (const { start, quoted } of ranges) {
          const before = bytes.subarray(0, start).filter((byte) => byte === 0x22).length
          expect(quoted ?? false).toBe(before % 2 === 1)
        }
      }),
      { numRuns: 500, seed: 13 },
    )
  })

  it('takes small row groups together and cuts large ones, each by itself', () => {
    expect(cutRows(groups(3, 3, 3, 25, 2, 0, 9), { rowsPerChunk: 10 })).toEqual([
      { start: 0, end: 9 },
      { start: 9, end: 18 },
      { start: 18, end: 27 },
      { start: 27, end: 34 },
      { start: 34, end: 36 },
      { start: 36, end: 45 },
    ])
    expect(cutRows(groups(), { rowsPerChunk: 10 })).toEqual([])
  })

  it('covers every row once, in chunks of no more rows than asked for', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50)), fc.integer({ min: 1, max: 30 }), (rows, rowsPerChunk) => {
        const ranges = cutRows(groups(...rows), { rowsPerChunk })
        const ends = [0, ...ranges.map(({ end }) => end)]
        expect(ranges.map(({ start }) => start)).toEqual(ends.slice(0, -1))
        expect(ends.at(-1)).toBe(rows.reduce((sum, count) => sum + count, 0))
        for (const { start, end } of ranges) expect(end - start).toBeLessThanOrEqual(rowsPerChunk)
      }),
    )
  })

  it('refuses a row group that would not fit into memory', () => {
    expect(() => cutRows(groups(5, 100), { rowsPerChunk: 10, groupBytes: 999 })).toThrow(
      expect.objectContaining({
        code: 'batch_input_invalid',
        detail: 'Row group 1 has 1000 bytes unpacked; at most 999 fit.',
      }),
    )
  })
})

describe('counting', () => {
  it('estimates a range that holds the true number', () => {
    const line = (index: number) => `${'x'.repeat(20 + (index % 37))}\n`
    const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, index) => line(index)).join(''))
    const samples = [0, 0.5, 0.9].map((place) => {
      const start = Math.floor(bytes.length * place)
      return bytes.subarray(start, start + 4_000)
    })
    const { low, high } = estimateRows(samples, bytes.length)
    expect(low).toBeLessThanOrEqual(5_000)
    expect(high).toBeGreaterThanOrEqual(5_000)
    expect(high / low).toBeLessThan(1.5)
    expect(estimateRows([], 0)).toEqual({ low: 0, high: 0 })
  })

  it('counts every record, good or bad, and no empty line', async () => {
    const count = async (text: string, csv: boolean) => {
      const { object, read } = memoryObject(Buffer.from(text))
      return await countRecords(
        csv
          ? { format: 'csv', object, separator: ',', columns: ['a', 'b'], dataStart: 4 }
          : { format: 'jsonl', object },
        read,
        { recordBytes: 8 },
      )
    }
    expect(await count('{"a":1}\n\n  \nbad\n123456789\n4', false)).toBe(4)
    expect(await count('a,b\n1,"\n"\n\nbad\n3,4', true)).toBe(3)
  })
})
