import fc from 'fast-check'
import { expect, test } from 'vitest'
import { creditLeft } from '#shared/metering/credit-left.ts'
import type { LedgerEntry } from '#shared/metering/ledger.ts'
import { newTopUp, start } from './ledger-samples.ts'

const entry = (id: string, amount: bigint, more: Partial<LedgerEntry> = {}) =>
  newTopUp('acme', amount, { id, ...more })
const leftOf = (entries: readonly LedgerEntry[], used: bigint) =>
  Object.fromEntries([...creditLeft(entries, used)].map(([{ id }, left]) => [id, left]))

test('takes what was spent from the credit that expires first of those that were there', () => {
  const entries = [
    entry('lasting', 100n, { spentBefore: 0n }),
    entry('late', 100n, { spentBefore: 30n, creditExpiresAt: start + 9 }),
    entry('early', 100n, { spentBefore: 80n, creditExpiresAt: start + 5 }),
  ]
  expect(leftOf(entries, 95n)).toEqual({ lasting: 70n, late: 50n, early: 85n })
  expect(leftOf(entries, 250n)).toEqual({ lasting: 50n, late: 0n, early: 0n })
})

test('goes by what was spent, not by clocks: entries may be listed in any order', () => {
  const entries = [
    entry('expiry-1', 60n, { type: 'expiry', spentBefore: 40n, at: start - 9 }),
    entry('second', 10n, { spentBefore: 40n, at: start - 5 }),
    entry('first', 100n, { spentBefore: 0n, creditExpiresAt: start, at: start + 3 }),
  ]
  expect(leftOf(entries, 40n)).toEqual({ first: 0n, second: 10n })
  expect(leftOf(entries.toReversed(), 45n)).toEqual({ first: 0n, second: 5n })
})

test('counts an entry from before that was kept as posted before anything was spent', () => {
  const entries = [entry('old', 100n), entry('gift', 100n, { creditExpiresAt: start })]
  expect(leftOf(entries, 30n)).toEqual({ old: 100n, gift: 70n })
  const later = entry('new', 50n, { spentBefore: 120n, creditExpiresAt: start - 1 })
  expect(leftOf([...entries, later], 130n)).toEqual({ old: 80n, gift: 0n, new: 40n })
})

test('leaves as much as is available, to the last micro, whatever happened', () => {
  const event = fc.record({
    type: fc.constantFrom('topup', 'refund', 'expiry', 'call'),
    amount: fc.bigInt({ min: 1n, max: 50n }),
    expires: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), (events) => {
      const entries: LedgerEntry[] = []
      let [available, spentBefore] = [0n, 0n]
      for (const [index, { type, amount: wanted, expires }] of events.entries()) {
        const takes = type === 'expiry' || type === 'call'
        const amount = takes && wanted > available ? available : wanted
        available += takes ? -amount : amount
        if (type === 'call') spentBefore += amount
        else {
          const creditExpiresAt = type === 'topup' ? expires : undefined
          const of = type as LedgerEntry['type']
          entries.push(entry(`e${index}`, amount, { type: of, spentBefore, creditExpiresAt }))
        }
      }
      const left = [...creditLeft(entries, spentBefore).values()]
      expect(left.reduce((sum, part) => sum + part, 0n)).toBe(available)
      expect(left.every((part) => part >= 0n)).toBe(true)
    }),
  )
})
