import { isDeepStrictEqual } from 'node:util'
import type { LedgerEntry } from './ledger.ts'

/** Whether one entry was posted again as the other: all but what the ledger filled in. */
export const isSameEntry = (standing: LedgerEntry, posted: LedgerEntry): boolean =>
  isDeepStrictEqual({ ...standing, spentBefore: undefined }, { ...posted, spentBefore: undefined })
