import { describe } from 'vitest'
import { describeLedger } from './ledger-contract.ts'
import { createMemoryLedger } from './memory-ledger.ts'

describe('the ledger in memory', () => {
  const ledger = createMemoryLedger()
  describeLedger(() => ledger, { runs: 50 })
})
