import { isUnavailable } from './is-unavailable.ts'

export interface SurelyOptions {
  sleep: (ms: number) => Promise<unknown>
  /** How often a store that does not answer is asked again, with the same parameters. */
  storeAttempts?: number
}

/** An unknown outcome is resolved by asking again: every operation of the ledger may be repeated. */
export const createSurely =
  ({ sleep, storeAttempts = 3 }: SurelyOptions) =>
  async <Outcome>(operation: () => Promise<Outcome>): Promise<Outcome> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await operation()
      } catch (thrown) {
        if (!isUnavailable(thrown) || attempt >= storeAttempts) throw thrown
        await sleep(25 * 2 ** attempt)
      }
    }
  }
