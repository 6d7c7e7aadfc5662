import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { encodeEntriesParquet } from '#shared/account/entries-parquet.ts'
import { entryColumns } from '#shared/account/entry-cells.ts'
import type { LedgerEntry } from '#shared/metering/ledger.ts'
import { day, newTopUp, sale, start } from '#test/metering/ledger-samples.ts'

const charge: LedgerEntry = {
  ...newTopUp('acme', 9_007_199_254_740_993n, { id: "=odd'\u00e9\u6f22", type: 'charge' }),
  at: start + 1,
  sale: { ...sale, project: 'shop' },
  units: { calls: 1, rows: 3, inputBytes: 750_001, pixels: 307_200, computeMs: 12 },
  reference: undefined,
}
const topUp = newTopUp('acme', 2n ** 62n + 1n, { id: 'paid', creditExpiresAt: start + day })

const read = (entries: readonly LedgerEntry[]) => {
  const { buffer } = encodeEntriesParquet(entries)
  return parquetReadObjects({ file: buffer as ArrayBuffer })
}

test('reads back as it was written: amounts to the last micro, times to the millisecond', async () => {
  const [first, second] = await read([charge, topUp])
  expect(first).toEqual({
    time: new Date(start + 1),
    id: charge.id,
    type: 'charge',
    amount_micros: 9_007_199_254_740_993n,
    currency: 'USD',
    key_id: 'key-1',
    project: 'shop',
    model: 'iris@1',
    model_digest: sale.modelDigest,
    price_id: sale.priceId,
    calls: 1n,
    rows: 3n,
    input_bytes: 750_001n,
    pixels: 307_200n,
    input_tokens: null,
    output_tokens: null,
    compute_ms: 12n,
    reference: null,
    credit_expires_at: null,
  })
  expect(second).toMatchObject({
    amount_micros: 2n ** 62n + 1n,
    calls: null,
    reference: 'payment-1',
    credit_expires_at: new Date(start + day),
  })
})

test('has the columns of the CSV, typed', () => {
  const { buffer } = encodeEntriesParquet([])
  const [root, ...columns] = parquetMetadata(buffer as ArrayBuffer).schema
  expect(root?.num_children).toBe(entryColumns.length)
  expect(columns.map(({ name }) => name)).toEqual([...entryColumns])
  const typeOf = (wanted: string) => columns.find(({ name }) => name === wanted)
  expect(typeOf('amount_micros')).toMatchObject({ type: 'INT64', repetition_type: 'REQUIRED' })
  expect(typeOf('time')).toMatchObject({ type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' })
  expect(typeOf('pixels')).toMatchObject({ type: 'INT64', repetition_type: 'OPTIONAL' })
  expect(typeOf('id')).toMatchObject({ type: 'BYTE_ARRAY', converted_type: 'UTF8' })
})

test('takes many entries, and counts that are not whole upward as their price does', async () => {
  const entries = Array.from({ length: 2_500 }, (_, at) => ({
    ...charge,
    at: start + at,
    id: `charge-${at}`,
    amount: BigInt(at),
    units: { computeMs: 1.5 },
  }))
  const rows = await read(entries)
  expect(rows.map(({ id }) => id)).toEqual(entries.map(({ id }) => id))
  const sum = rows.reduce((total, { amount_micros }) => total + amount_micros, 0n)
  expect(sum).toBe((2_499n * 2_500n) / 2n)
  expect(rows[7]?.compute_ms).toBe(2n)
  expect(await read([])).toEqual([])
})
