import { isDeepStrictEqual } from 'node:util'
import type {
  Account,
  CounterHold,
  FinishOutcome,
  Ledger,
  LedgerEntry,
  PostOutcome,
  RequestRecord,
  Reservation,
  ReserveOutcome,
  SellOutcome,
  StoredAnswer,
  Units,
} from '#shared/metering/ledger.ts'

/** The ledger's rules as code, as plainly as they can be said: what every driver is measured by. */
export function createMemoryLedger(): Ledger {
  const accounts = new Map<string, Account>()
  const counters = new Map<string, bigint>()
  const requests = new Map<string, RequestRecord>()
  /** Kept of a request beside its record. */
  const takenOver = new Map<string, boolean>()
  const modes = new Map<string, Account['mode']>()
  const pointers = new Map<string, { requestKey: string; until: number }>()
  const entries = new Map<string, LedgerEntry>()

  const nameOf = (tenant: string, id: string) => JSON.stringify([tenant, id])
  const used = (id: string) => counters.get(id) ?? 0n
  const count = (id: string, amount: bigint) => counters.set(id, used(id) + amount)

  function move(account: Account, available: bigint, held: bigint, spent: bigint): Account {
    const moved = {
      ...account,
      available: account.available + available,
      held: account.held + held,
      spent: account.spent + spent,
    }
    if (moved.available < 0n || moved.held < 0n || moved.spent < 0n) throw new Error('Below zero.')
    accounts.set(account.tenant, moved)
    return moved
  }

  function reserve(asked: Reservation): ReserveOutcome {
    const { now, retryPointer, ...fields } = asked
    const { tenant, requestKey, fingerprint, fence, leaseUntil, hold } = asked
    const name = nameOf(tenant, requestKey)
    const request = requests.get(name)

    if (request && request.fingerprint !== fingerprint) return { kind: 'mismatch' }
    if (request?.state === 'reserved') {
      if (request.fence === fence) {
        return { kind: 'reserved', request, takenOver: takenOver.get(name) === true }
      }
      if (request.leaseUntil > now) return { kind: 'in-flight', leaseUntil: request.leaseUntil }
      const mine = { ...request, fence, leaseUntil }
      requests.set(name, mine)
      takenOver.set(name, true)
      return { kind: 'reserved', request: mine, takenOver: true }
    }
    if (request?.answer && request.answer.expiresAt > now) return { kind: 'replay', request }
    if (entries.has(name)) return { kind: 'gone' }

    const account = accounts.get(tenant)
    if (!account) return { kind: 'no-account' }
    const { mode, available } = account
    if (mode === 'prepaid' && available < hold) return { kind: 'no-credit', available }
    for (const counter of asked.counters) {
      const { id, amount, limit } = counter
      if (limit !== undefined && used(id) + amount > limit) {
        return { kind: 'limit', counter, used: used(id) }
      }
    }

    move(account, mode === 'prepaid' ? -hold : 0n, hold, 0n)
    for (const { id, amount } of asked.counters) count(id, amount)
    const fresh: RequestRecord = {
      ...fields,
      state: 'reserved',
      createdAt: now,
      answer: undefined,
      charge: undefined,
    }
    requests.set(name, fresh)
    takenOver.set(name, false)
    modes.set(name, mode)
    if (retryPointer) {
      const { key, until } = retryPointer
      pointers.set(nameOf(tenant, key), { requestKey, until })
    }
    return { kind: 'reserved', request: fresh, takenOver: false }
  }

  function finish(ending: {
    tenant: string
    requestKey: string
    fence: string
    now: number
    state: 'done' | 'void' | 'rejected'
    charge: bigint | undefined
    answer: StoredAnswer | undefined
    units: Units
    reason: string | undefined
  }): FinishOutcome {
    const { tenant, requestKey, fence, now, state, charge, answer, units, reason } = ending
    const name = nameOf(tenant, requestKey)
    const request = requests.get(name)
    const account = accounts.get(tenant)
    if (!request || !account || request.fence !== fence) return { kind: 'lost', request }
    if (request.state === state) return { kind: 'finished', request, account }
    if (request.state !== 'reserved') return { kind: 'lost', request }

    const { hold } = request
    const paid = charge ?? 0n
    if (paid < 0n || paid > hold) throw new Error('A charge is between nothing and its hold.')
    const moved = move(account, modes.get(name) === 'prepaid' ? hold - paid : 0n, -hold, paid)
    for (const counter of request.counters) count(counter.id, -givenBack(counter, charge))
    const finished = { ...request, state, charge, answer }
    requests.set(name, finished)

    const id = state === 'done' ? requestKey : `${requestKey}:${fence}`
    const type = state === 'done' ? 'charge' : state === 'void' ? 'void' : 'rejection'
    const { currency } = account
    const { sale } = request
    const what = { tenant, id, type, amount: paid, currency, at: now, sale, units } as const
    if (!entries.has(nameOf(tenant, id))) {
      const entry = { ...what, reference: reason, creditExpiresAt: undefined }
      entries.set(nameOf(tenant, id), entry)
    }
    return { kind: 'finished', request: finished, account: moved }
  }

  function post(entry: LedgerEntry, unchanged?: Pick<Account, 'spent' | 'held'>): PostOutcome {
    const { tenant, id, type, amount, currency } = entry
    if (!['topup', 'refund', 'expiry'].includes(type)) throw new Error('Not to be posted.')
    const account = accounts.get(tenant)
    if (!account) return { kind: 'no-account' }
    const standing = entries.get(nameOf(tenant, id))
    if (standing) {
      const same = isDeepStrictEqual(
        { ...standing, spentBefore: undefined },
        { ...entry, spentBefore: undefined },
      )
      return same ? { kind: 'duplicate', account } : { kind: 'conflict' }
    }
    const { spent, held } = unchanged ?? account
    if (account.spent !== spent || account.held !== held) return { kind: 'changed' }
    if (currency !== account.currency) {
      return { kind: 'currency-mismatch', currency: account.currency }
    }
    if (type === 'refund') {
      const left = leftToRefund(tenant, entry.reference)
      if (amount > left) return { kind: 'not-refundable', left }
    }
    if (type === 'expiry' && amount > account.available) {
      return { kind: 'no-credit', available: account.available }
    }
    entries.set(nameOf(tenant, id), { ...entry, spentBefore: account.spent })
    return { kind: 'posted', account: move(account, type === 'expiry' ? -amount : amount, 0n, 0n) }
  }

  function sell(charge: LedgerEntry): SellOutcome {
    const { tenant, id, type, amount, currency } = charge
    if (type !== 'charge') throw new Error('Only charges are sold.')
    const account = accounts.get(tenant)
    if (!account) return { kind: 'no-account' }
    const standing = entries.get(nameOf(tenant, id))
    if (standing) return { kind: isDeepStrictEqual(standing, charge) ? 'sold' : 'conflict' }
    if (account.mode !== 'postpaid') return { kind: 'not-postpaid' }
    if (currency !== account.currency) {
      return { kind: 'currency-mismatch', currency: account.currency }
    }
    entries.set(nameOf(tenant, id), charge)
    move(account, 0n, 0n, amount)
    return { kind: 'sold' }
  }

  function leftToRefund(tenant: string, chargeId: string | undefined): bigint {
    const charge = entries.get(nameOf(tenant, chargeId ?? ''))
    if (charge?.type !== 'charge') return 0n
    const refunds = [...entries.values()].filter(
      ({ type, reference, ...of }) =>
        type === 'refund' && of.tenant === tenant && reference === chargeId,
    )
    return refunds.reduce((left, { amount }) => left - amount, charge.amount)
  }

  return {
    reserve: async (reservation) => reserve(reservation),
    settle: async (settlement) => finish({ ...settlement, state: 'done', reason: undefined }),
    release: async ({ outcome, reason, ...release }) => {
      const answer = outcome.kind === 'rejected' ? outcome.answer : undefined
      return finish({
        ...release,
        state: outcome.kind,
        charge: undefined,
        answer,
        units: {},
        reason,
      })
    },
    sell: async (charge) => sell(charge),
    renew: async ({ tenant, requestKey, fence, leaseUntil }) => {
      const request = requests.get(nameOf(tenant, requestKey))
      if (request?.state !== 'reserved' || request.fence !== fence) return 'lost'
      const later = Math.max(request.leaseUntil, leaseUntil)
      requests.set(nameOf(tenant, requestKey), { ...request, leaseUntil: later })
      return 'renewed'
    },
    find: async (tenant, requestKey) => requests.get(nameOf(tenant, requestKey)),
    findRetried: async (tenant, pointer, now) => {
      const found = pointers.get(nameOf(tenant, pointer))
      return found && found.until > now ? requests.get(nameOf(tenant, found.requestKey)) : undefined
    },
    expiredLeases: async (time, limit) =>
      [...requests.values()]
        .filter(({ state, leaseUntil }) => state === 'reserved' && leaseUntil < time)
        .sort((a, b) => a.leaseUntil - b.leaseUntil)
        .slice(0, limit),

    createAccount: async (settings) => {
      if (accounts.has(settings.tenant)) return 'exists'
      accounts.set(settings.tenant, { ...settings, ...nothing })
      return 'created'
    },
    putAccount: async (settings) => {
      const { available, held, spent } = accounts.get(settings.tenant) ?? nothing
      accounts.set(settings.tenant, { ...settings, available, held, spent })
    },
    account: async (tenant) => accounts.get(tenant),
    counters: async (ids) => ids.map(used),
    post: async (entry, unchanged) => post(entry, unchanged),
    entry: async (tenant, id) => entries.get(nameOf(tenant, id)),
    entries: async ({ tenant, from, to, types, after, limit }) => {
      const found = [...entries.values()]
        .filter((entry) => entry.tenant === tenant)
        .filter(({ at }) => at >= (from ?? at) && (to === undefined || at < to))
        .filter(({ type }) => types === undefined || types.includes(type))
        .filter((entry) => after === undefined || compare(entry, after) > 0)
        .sort(compare)
      const page = found.slice(0, limit)
      const last = found.length > limit ? page.at(-1) : undefined
      return last ? { entries: page, next: { at: last.at, id: last.id } } : { entries: page }
    },
    tenants: async () => [...accounts.keys()],
    close: async () => {},
  }
}

const nothing = { available: 0n, held: 0n, spent: 0n }

/** What a counter gets back when a request ends; `charge` where it was sold. */
function givenBack({ kind, amount }: CounterHold, charge: bigint | undefined): bigint {
  if (charge === undefined) return amount
  return { spend: amount - charge, calls: 0n, concurrency: amount }[kind]
}

type Place = { readonly at: number; readonly id: string }

const compare = (a: Place, b: Place) => a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
