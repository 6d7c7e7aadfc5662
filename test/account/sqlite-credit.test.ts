import { afterAll, describe } from 'vitest'
import { newLedger } from './account-ledger.ts'
import { describeCredit } from './credit-contract.ts'

describe('on SQLite', () => {
  const { ledger, stop } = newLedger()
  afterAll(stop)
  describeCredit(() => ledger)
})
