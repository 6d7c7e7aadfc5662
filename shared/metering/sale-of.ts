import type { Sale } from './ledger.ts'
import type { PaidCall } from './metered-call.ts'
import type { Price } from './price-book.ts'

/** What a call buys at this price. */
export const saleOf = (
  { keyId, project, model, modelDigest }: PaidCall,
  { id: priceId }: Price,
): Sale => ({ keyId, project, model, modelDigest, priceId })
