import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createPriceBook, priceOf } from '#shared/metering/price-book.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'

describe('a price', () => {
  test('counts a megabyte as 1,000,000 bytes, by the byte', () => {
    const rates = { perMegabyteIn: 5_000_000n }
    expect(priceOf({ rates }, { inputBytes: 1_000_000 })).toBe(5_000_000n)
    expect(priceOf({ rates }, { inputBytes: 1 })).toBe(5n)
    expect(priceOf({ rates }, {})).toBe(0n)
  })

  test('counts pixels by the pixel', () => {
    const rates = { perMillionPixels: 3_000_000n }
    expect(priceOf({ rates }, { pixels: 640 * 480 })).toBe(921_600n)
  })

  test('is rounded once a call, upward, and not once a unit', () => {
    const rates = { perMegabyteIn: 400_000n, perMillionPixels: 400_000n, perThousandRows: 100n }
    // 0.4 + 0.4 + 0.1 micros.
    expect(priceOf({ rates }, { inputBytes: 1, pixels: 1, rows: 1 })).toBe(1n)
    expect(priceOf({ rates }, { inputBytes: 2, pixels: 1, rows: 1 })).toBe(2n)
  })

  test('is exact where a float would not be', () => {
    const rates = { perMegabyteIn: 999_999_999_999_999n }
    expect(priceOf({ rates }, { inputBytes: 9_007_199_254_740_991 })).toBe(
      (999_999_999_999_999n * 9_007_199_254_740_991n + 999_999n) / 1_000_000n,
    )
  })
})

describe('a price book', () => {
  const directory = mkdtempSync(join(tmpdir(), 'percall-prices-'))
  afterAll(() => rmSync(directory, { recursive: true }))
  const version = { name: 'p', currency: 'USD' }
  const [first, second] = [Date.UTC(2026, 10, 1), Date.UTC(2026, 11, 1)]

  test('tells whether any version of a price counts something, in force or not', () => {
    const book = createPriceBook([
      { ...version, effectiveFrom: first, rates: { perCall: 1n, perMegabyteIn: 0n } },
      { ...version, effectiveFrom: second, rates: { perMillionPixels: 1n } },
      { ...version, name: 'q', effectiveFrom: first, rates: { perMegabyteIn: 1n } },
    ])
    expect(book.counts('p', 'perMillionPixels')).toBe(true)
    expect(book.counts('p', 'perMegabyteIn')).toBe(false)
    expect(book.counts('q', 'perMillionPixels')).toBe(false)
    expect(book.counts('none', 'perCall')).toBe(false)
  })

  test('is read from a file with every unit, and refused where an amount is none', () => {
    const file = join(directory, 'prices.json')
    const write = (rates: object) =>
      writeFileSync(file, JSON.stringify([{ ...version, effectiveFrom: '2026-11-01', rates }]))
    write({ perMegabyteIn: '7', perMillionPixels: '8' })
    const price = readPriceBook(file).byId('p@2026-11-01')
    expect(price.rates).toMatchObject({ perMegabyteIn: 7n, perMillionPixels: 8n })
    for (const rates of [{ perMegabyteIn: 7 }, { perMillionPixels: '-8' }, { perGallon: '1' }]) {
      write(rates)
      expect(() => readPriceBook(file)).toThrow(
        expect.objectContaining({ code: 'configuration_invalid' }),
      )
    }
  })
})
