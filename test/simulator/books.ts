import type { Account, CounterHold, Ledger, LedgerEntry } from '#shared/metering/ledger.ts'
import { createLots } from './lots.ts'
import type { TenantPlan } from './scenario.ts'

export interface OpenHold {
  readonly fence: string
  readonly tenant: string
  readonly hold: bigint
  readonly counters: readonly CounterHold[]
}

export interface SoldCall {
  readonly fence: string
  readonly tenant: string
  readonly charge: bigint
  readonly body: string
}

interface TenantBooks {
  readonly plan: TenantPlan
  credit: bigint
  held: bigint
  spent: bigint
  expired: bigint
  readonly topUps: LedgerEntry[]
  readonly lots: ReturnType<typeof createLots>
}

export type Report = (rule: string, detail: string) => void
export type Books = ReturnType<typeof createBooks>

/**
 * The witness's own books, kept from what the ledger said it did, and never from what it says it
 * has: the one is compared with the other after every operation.
 */
export function createBooks(ledger: Ledger, plans: readonly TenantPlan[], report: Report) {
  const tenants = new Map<string, TenantBooks>(
    plans.map((plan) => [
      plan.name,
      { plan, credit: 0n, held: 0n, spent: 0n, expired: 0n, topUps: [], lots: createLots() },
    ]),
  )
  /** By request key; keys are unique among tenants. */
  const open = new Map<string, OpenHold>()
  const sold = new Map<string, SoldCall>()
  const used = new Map<string, bigint>()
  const refunded = new Map<string, bigint>()

  function of(tenant: string): TenantBooks {
    const books = tenants.get(tenant)
    if (!books) throw new Error(`Nobody planned a tenant ${tenant}.`)
    return books
  }

  const count = (id: string, amount: bigint) => used.set(id, (used.get(id) ?? 0n) + amount)

  /** Gives back what the hold took of each counter, but for what was sold. */
  function uncount({ counters }: OpenHold, charge: bigint | undefined): void {
    for (const { id, kind, amount } of counters) {
      const kept =
        charge === undefined || kind === 'concurrency' ? 0n : kind === 'calls' ? 1n : charge
      count(id, kept - amount)
    }
  }

  return {
    open,
    sold,
    refunded,
    of,
    used: (id: string) => used.get(id) ?? 0n,

    hold(requestKey: string, hold: OpenHold): void {
      open.set(requestKey, hold)
      of(hold.tenant).held += hold.hold
      for (const { id, amount } of hold.counters) count(id, amount)
    },

    sell(requestKey: string, hold: OpenHold, sale: SoldCall): void {
      open.delete(requestKey)
      sold.set(requestKey, sale)
      of(hold.tenant).held -= hold.hold
      of(hold.tenant).spent += sale.charge
      const { plan, lots } = of(hold.tenant)
      if (plan.mode === 'prepaid') lots.use(sale.charge)
      uncount(hold, sale.charge)
    },

    giveBack(requestKey: string, hold: OpenHold): void {
      open.delete(requestKey)
      of(hold.tenant).held -= hold.hold
      uncount(hold, undefined)
    },

    post({ tenant, type, amount, reference = '', ...entry }: LedgerEntry): void {
      const books = of(tenant)
      if (type === 'topup') books.topUps.push({ ...entry, tenant, type, amount, reference })
      if (type === 'refund') refunded.set(reference, (refunded.get(reference) ?? 0n) + amount)
      if (type === 'expiry') books.expired += amount
      if (type === 'expiry') books.lots.use(amount)
      else books.lots.add(amount, entry.creditExpiresAt)
      books.credit += type === 'expiry' ? -amount : amount
    },

    /** I4, I5, I6: what the ledger has is what it did, to the last unit. */
    async compare(tenant: string, counters: readonly CounterHold[] = []): Promise<void> {
      const { plan, credit, held, spent } = of(tenant)
      const account = await ledger.account(tenant)
      if (!account) return report('I4', `the account of ${tenant} is gone`)
      checkAccount(account, { prepaid: plan.mode === 'prepaid', credit, held, spent }, report)
      if (counters.length === 0) return
      const amounts = await ledger.counters(counters.map(({ id }) => id))
      for (const [index, { id, limit }] of counters.entries()) {
        const found = amounts[index] ?? 0n
        if (found < 0n) report('I5', `counter ${id} is ${found}`)
        if (limit !== undefined && found > limit)
          report('I5', `counter ${id} is ${found} of ${limit}`)
        if (found !== (used.get(id) ?? 0n)) {
          report('I5', `counter ${id} is ${found}, its calls are ${used.get(id) ?? 0n}`)
        }
      }
    },
  }
}

function checkAccount(
  { tenant, available, held, spent }: Account,
  books: { prepaid: boolean; credit: bigint; held: bigint; spent: bigint },
  report: Report,
): void {
  if (available < 0n) report('I5', `${tenant} has ${available} available`)
  if (held < 0n) report('I5', `${tenant} has ${held} held`)
  if (held !== books.held) report('I6', `${tenant}: held ${held}, its holds are ${books.held}`)
  if (spent !== books.spent)
    report('I12', `${tenant}: spent ${spent}, its charges are ${books.spent}`)
  const found = books.prepaid ? available + held + spent : available
  if (found !== books.credit) report('I4', `${tenant}: credit ${books.credit}, found ${found}`)
}
