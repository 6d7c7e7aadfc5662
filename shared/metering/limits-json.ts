import { exactJson } from './exact-json.ts'
import type { AccountLimits, CallLimits } from './ledger.ts'

/** The limits of an account as the drivers keep them: JSON, with money as a string of digits. */
export const limitsJson = {
  write: (limits: AccountLimits): string => exactJson(limits),

  read(json: string): AccountLimits {
    const { projects, ...own } = JSON.parse(json)
    if (projects === undefined) return revive(own)
    const revived = Object.entries(projects).map(([name, limits]) => [name, revive(Object(limits))])
    return { ...revive(own), projects: Object.fromEntries(revived) }
  },
}

function revive({ monthlySpend, ...limits }: Record<string, never>): CallLimits {
  return monthlySpend === undefined ? limits : { ...limits, monthlySpend: BigInt(monthlySpend) }
}
