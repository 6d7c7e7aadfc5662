import fc from 'fast-check'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { cutRows } from '#shared/batch/formats/cut-rows.ts'
import { openParquet } from '#shared/batch/formats/parquet-file.ts'
import { readRecords } from '#shared/batch/formats/read-records.ts'
import type { ObjectStore } from '#shared/batch/object-store.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { collect, outcomes } from './collect.ts'
import { memoryObject } from './memory-object.ts'

const rowCount = 1_000
const rows = Array.from({ length: rowCount }, (_, index) => index)

function parquetBytes(numbers = rows.map((row) => row / 4)): Buffer {
  return Buffer.from(
    parquetWriteBuffer({
      columnData: [
        { name: 'text', data: rows.map((row) => `row ${row}, é`), type: 'STRING' },
        { name: 'small', data: rows.map(BigInt), type: 'INT64' },
        { name: 'large', data: rows.map((row) => 2n ** 60n + BigInt(row)), type: 'INT64' },
        { name: 'number', data: numbers, type: 'DOUBLE' },
        { name: 'at', data: rows.map((row) => new Date(row * 1_000)), type: 'TIMESTAMP' },
        { name: 'bytes', data: rows.map((row) => Uint8Array.of(row % 256)), type: 'BYTE_ARRAY' },
        { name: 'maybe', data: rows.map((row) => (row % 2 ? true : null)), type: 'BOOLEAN' },
      ],
      rowGroupSize: 300,
      pageSize: 500,
    }),
  )
}

const wantedRow = (row: number) => ({
  text: `row ${row}, é`,
  small: row,
  large: String(2n ** 60n + BigInt(row)),
  number: row / 4,
  at: new Date(row * 1_000).toISOString(),
  bytes: Buffer.of(row % 256).toString('base64'),
  maybe: row % 2 ? true : null,
})

const invalid = { code: 'batch_input_invalid' }

async function readAll(bytes: Buffer, rowsPerChunk: number) {
  const { object, read } = memoryObject(bytes)
  const { metadata } = await openParquet(read, object)
  const records = []
  for (const range of cutRows(metadata, { rowsPerChunk })) {
    const found = await collect(readRecords({ format: 'parquet', object }, range, read))
    expect(found.lines).toBe(range.end - range.start)
    records.push(...found.records)
  }
  return records
}

describe('reading Parquet', () => {
  it.each([1_000, 300, 77])(
    'gives every row as JSON has it, in chunks of %i',
    async (rowsPerChunk) => {
      const records = await readAll(parquetBytes(), rowsPerChunk)
      expect(outcomes(records)).toEqual(rows.map(wantedRow))
      expect(records.map(({ offset }) => offset)).toEqual(rows)
    },
  )

  it('makes one error of a row with a number that JSON does not have', async () => {
    const bytes = parquetBytes(rows.map((row) => (row === 7 ? Number.NaN : row / 4)))
    const found = outcomes(await readAll(bytes, 100))
    expect(found[7]).toBe('number_not_finite')
    expect(found.filter((outcome) => outcome === 'number_not_finite')).toHaveLength(1)
  })

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['is cut off', (bytes) => bytes.subarray(0, -1)],
    ['is empty', () => Buffer.alloc(0)],
    ['has a footer longer than itself', (bytes) => written(bytes, -8, 0x7fffffff)],
    ['has a footer that is too short', (bytes) => written(bytes, -8, 3)],
    [
      'has zeros for a footer',
      (bytes) => Buffer.concat([bytes.subarray(0, -500), Buffer.alloc(492), bytes.subarray(-8)]),
    ],
  ])('refuses a file that %s', async (_, damage) => {
    const { object, read } = memoryObject(damage(parquetBytes()))
    await expect(openParquet(read, object)).rejects.toMatchObject(invalid)
  })

  it('answers any damage of the footer with rows or with one error', async () => {
    const bytes = parquetBytes()
    const footerBytes = bytes.readUInt32LE(bytes.length - 8) + 8
    const place = fc.nat(footerBytes - 1).map((back) => bytes.length - 1 - back)
    const changes = fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(changes, async (changed) => {
        const damaged = Buffer.from(bytes)
        for (const [at, byte] of changed) damaged[at] = byte
        try {
          await readAll(damaged, 400)
        } catch (thrown) {
          expect(thrown).toMatchObject(invalid)
        }
      }),
      { numRuns: 200, seed: 17 },
    )
  })

  it('refuses a page that is damaged', async () => {
    const bytes = parquetBytes()
    bytes.fill(0xff, 200, 400)
    await expect(readAll(bytes, 400)).rejects.toMatchObject(invalid)
  })

  it('does not take a store that fails for a file that is damaged', async () => {
    const { object } = memoryObject(parquetBytes())
    const failing: ObjectStore['read'] = () => {
      throw new ServiceError('store_unavailable')
    }
    const reading = collect(
      readRecords({ format: 'parquet', object }, { start: 0, end: 1 }, failing),
    )
    await expect(reading).rejects.toMatchObject({ code: 'store_unavailable' })
  })
})

function written(bytes: Buffer, place: number, value: number): Buffer {
  bytes.writeUInt32LE(value, bytes.length + place)
  return bytes
}
