import type { Sale } from './ledger.ts'

/** What was sold, as one attribute or column: nothing ever asks for a part of it. */
export const saleJson = {
  stringify: (sale: Sale) => JSON.stringify(sale),
  parse(json: string): Sale {
    const { keyId, project, model, modelDigest, priceId }: Sale = JSON.parse(json)
    return { keyId, project, model, modelDigest, priceId }
  },
}
