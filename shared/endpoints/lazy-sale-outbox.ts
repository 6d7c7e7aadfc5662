import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'

/**
 * An outbox of sales that is opened by the first call that needs it: while the ledger answers, none
 * does. It cannot be searched.
 */
export function lazySaleOutbox(open: () => Promise<SaleOutbox>): SaleOutbox {
  return {
    put: async (call) => (await open()).put(call),
    isFull: async () => (await open()).isFull(),
    async *waiting() {
      yield* (await open()).waiting()
    },
    remove: async (call) => (await open()).remove(call),
    close: async () => (await open()).close(),
  }
}
