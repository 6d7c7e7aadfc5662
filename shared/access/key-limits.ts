import type { CallLimits } from '#shared/metering/ledger.ts'

/** The limits of a key as the stores keep them: JSON, with money as a string of digits. */
export const keyLimits = {
  write: ({ monthlySpend, ...limits }: CallLimits): string =>
    JSON.stringify({ ...limits, monthlySpend: monthlySpend?.toString() }),

  read(text: string): CallLimits {
    const { monthlySpend, ...limits } = JSON.parse(text)
    return { ...limits, ...(monthlySpend !== undefined && { monthlySpend: BigInt(monthlySpend) }) }
  },
}
