import type { EntryPage, Ledger } from '#shared/metering/ledger.ts'
import type { Outbox } from './outbox.ts'
import { type Customer, type Export, measures } from './sink.ts'
import { hourMs, hourOf, newUsageRecord, type UsageRecord } from './usage-record.ts'

export interface FillOutboxOptions extends Pick<Export, 'meters' | 'customerOf'> {
  readonly ledger: Ledger
  readonly outbox: Outbox
  /** The sink's name. */
  readonly sink: string
  readonly now?: () => number
  /** After its end an hour is left alone so long: for leases, indexes and clocks that lag. */
  readonly graceMs?: number
  /** Whenever an hour closes, so many before it are counted again, for entries that came late. */
  readonly hoursCountedAgain?: number
  readonly pageSize?: number
}

/**
 * Freezes what the closed hours have sold: of each hour, tenant and meter what the ledger has beyond
 * what is frozen already. So a second run, or two at once, freeze nothing twice; and what comes late
 * becomes a record of its own. Charges of nothing (free models, test keys) are not usage.
 *
 * @returns how many records were frozen
 */
export async function fillOutbox(options: FillOutboxOptions): Promise<number> {
  const { ledger, customerOf, now = Date.now, graceMs = 10 * 60_000 } = options
  const closed = hourOf(now() - graceMs)
  let frozen = 0
  for (const tenant of await ledger.tenants()) {
    const customer = customerOf(tenant)
    if (customer) frozen += await freezeTenant(options, tenant, customer, closed)
  }
  return frozen
}

async function freezeTenant(
  { ledger, outbox, sink, meters, hoursCountedAgain = 6, pageSize = 1_000 }: FillOutboxOptions,
  tenant: string,
  { id: customer, since = 0 }: Customer,
  closed: number,
): Promise<number> {
  const cursor = (await outbox.cursor(sink, tenant)) ?? 0
  if (cursor >= closed) return 0
  const from = Math.max(since, cursor - hoursCountedAgain * hourMs)
  const standing = await outbox.records({ sink, tenant, from: hourOf(from), to: closed })
  const used = createUsage()
  for (const { meter, quantity, carriedInto = -1 } of standing) {
    if (carriedInto >= hourOf(from) && carriedInto < closed) used.add(carriedInto, meter, quantity)
  }

  let frozen = 0
  async function freezeBefore(limit: number): Promise<void> {
    for (const { hour, meter, quantity } of used.takeBefore(limit)) {
      const earlier = standing.filter((record) => record.hour === hour && record.meter === meter)
      const missing = quantity - earlier.reduce((sum, record) => sum + record.quantity, 0n)
      if (missing <= 0n) continue
      const parts = { sink, tenant, customer, meter, hour, quantity: missing }
      // Where another has taken this number, what was read is stale: the next count mends it.
      if (await outbox.add(newUsageRecord({ ...parts, sequence: earlier.length }))) frozen += 1
    }
    if (limit > cursor) await outbox.advance(sink, tenant, limit)
  }

  let reading = from
  let after: EntryPage['next']
  do {
    const query = { tenant, from, to: closed, types: ['charge'], after, limit: pageSize } as const
    const page = await ledger.entries(query)
    for (const charge of page.entries) {
      if (charge.amount === 0n) continue
      const hour = hourOf(charge.at)
      if (hour > reading) await freezeBefore(hour)
      reading = Math.max(reading, hour)
      for (const { name, measure } of meters) used.add(hour, name, measures[measure](charge))
    }
    after = page.next
  } while (after)
  await freezeBefore(closed)
  return frozen
}

type Usage = Pick<UsageRecord, 'hour' | 'meter' | 'quantity'>

/** Sums by hour and meter. */
function createUsage() {
  const sums = new Map<string, Usage>()
  return {
    add(hour: number, meter: string, quantity: bigint): void {
      const key = `${hour} ${meter}`
      sums.set(key, { hour, meter, quantity: quantity + (sums.get(key)?.quantity ?? 0n) })
    },
    /** Those of earlier hours, oldest first, which are gone from here then. */
    takeBefore(limit: number): Usage[] {
      const taken = [...sums].filter(([, { hour }]) => hour < limit)
      for (const [key] of taken) sums.delete(key)
      return taken.map(([, usage]) => usage).sort((a, b) => a.hour - b.hour)
    },
  }
}
