import { exactJson } from './exact-json.ts'
import { saleJson } from './sale-json.ts'
import type { SoldCall } from './sale-outbox.ts'

/** All but the body of the answer, since every store has its own way with bytes. */
export function writeSoldCall({ answer: { body, ...answer }, ...call }: SoldCall): string {
  return exactJson({ ...call, answer, sale: saleJson.stringify(call.sale) })
}

export function readSoldCall(text: string, body: Uint8Array): SoldCall {
  const call = JSON.parse(text)
  return {
    ...call,
    hold: BigInt(call.hold),
    charge: BigInt(call.charge),
    sale: saleJson.parse(call.sale),
    answer: { ...call.answer, body },
    // What is undefined has no place in JSON.
    retryPointer: call.retryPointer,
  }
}
