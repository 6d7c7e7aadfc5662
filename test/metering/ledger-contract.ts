import { describe } from 'vitest'
import type { Ledger } from '#shared/metering/ledger.ts'
import { describeLedgerBooks } from './ledger-books-contract.ts'
import { describeFinish } from './ledger-finish-contract.ts'
import { describeLeases } from './ledger-lease-contract.ts'
import { describeLedgerModel } from './ledger-model-contract.ts'
import { describeReserve } from './ledger-reserve-contract.ts'
import { describeSell } from './ledger-sell-contract.ts'

/** Gives one more connection to the same ledger. */
export type OpenLedger = () => Ledger | Promise<Ledger>

export interface LedgerContractOptions {
  /** Random command sequences that are compared with the model. */
  readonly runs?: number
  readonly timeoutMs?: number
}

/** What every ledger promises. */
export function describeLedger(open: OpenLedger, options: LedgerContractOptions = {}): void {
  const { runs = 50, timeoutMs = 30_000 } = options
  describe('reserve', { timeout: timeoutMs }, () => describeReserve(open))
  describe('renew', { timeout: timeoutMs }, () => describeLeases(open))
  describe('sell', { timeout: timeoutMs }, () => describeSell(open))
  describe('settle and release', { timeout: timeoutMs }, () => describeFinish(open))
  describe('accounts and entries', { timeout: timeoutMs }, () => describeLedgerBooks(open))
  describe('against the model', { timeout: timeoutMs * 4 }, () => describeLedgerModel(open, runs))
}
