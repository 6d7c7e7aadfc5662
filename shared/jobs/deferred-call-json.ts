import { exactJson } from '#shared/metering/exact-json.ts'
import type { DeferredCall } from './deferred-call.ts'

/** A call as the drivers keep it: JSON, with money as a string of digits. */
export const deferredCallJson = {
  write: (call: DeferredCall): string => exactJson(call),

  read(json: string): DeferredCall {
    const call = JSON.parse(json)
    return { ...call, ...(call.result && { result: reviveResult(call.result) }) }
  },
}

const reviveResult = ({ charge, ...result }: { charge?: string }) => ({
  ...result,
  ...(charge !== undefined && { charge: BigInt(charge) }),
})
