import type { LimitedParty } from '#shared/metering/counter-holds.ts'
import type { JobOrder } from '../job.ts'

/** An order as the drivers keep it: JSON, with money as a string of digits. */
export const orderJson = {
  write: (order: JobOrder): string =>
    JSON.stringify(order, (_, value) => (typeof value === 'bigint' ? String(value) : value)),

  read(json: string): JobOrder {
    const { maxCharge, project, expiresAt, parties, ...order } = JSON.parse(json)
    return {
      ...order,
      project,
      expiresAt,
      maxCharge: toMicros(maxCharge),
      parties: parties.map(reviveParty),
    }
  },
}

const toMicros = (digits: string | undefined) => (digits === undefined ? undefined : BigInt(digits))

function reviveParty({ limits, total, ...party }: LimitedParty): LimitedParty {
  const { monthlySpend, ...others } = limits
  return {
    ...party,
    limits: {
      ...others,
      ...(monthlySpend !== undefined && { monthlySpend: BigInt(monthlySpend) }),
    },
    ...(total !== undefined && { total: BigInt(total) }),
  }
}
