import { expect, test } from 'vitest'
import { batchPrice } from '#shared/batch/batch-price.ts'
import { createPriceBook } from '#shared/metering/price-book.ts'

const book = (rates: Record<string, bigint>) =>
  createPriceBook([{ name: 'p', effectiveFrom: 0, currency: 'USD', rates }])

test('a job is charged by call or by row', () => {
  expect(batchPrice(book({ perCall: 1n, perThousandRows: 2n }), 'p', 1).id).toBe('p@1970-01-01')
  expect(batchPrice(book({ perCall: 1n, perComputeMs: 0n }), 'p', 1).id).toBe('p@1970-01-01')
})

test.each(['perComputeMs', 'perMegabyteIn', 'perMillionPixels', 'perMillionInputTokens'])(
  'a price that counts %s cannot be that of a job',
  (rate) => {
    expect(() => batchPrice(book({ [rate]: 1n }), 'p', 1)).toThrow(
      expect.objectContaining({ code: 'batch_price_unsupported' }),
    )
  },
)
