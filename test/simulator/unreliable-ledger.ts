import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import type { Random } from './random.ts'
import type { Weather } from './scenario.ts'
import type { Actor, Mishaps, Scheduler } from './scheduler.ts'
import type { Witness } from './witness.ts'

export interface UnreliableLedgerOptions {
  readonly ledger: Ledger
  readonly witness: Witness
  readonly scheduler: Scheduler
  readonly random: Random
  readonly weather: Weather
  readonly mishaps: Mishaps
  /** Who calls; it may die while it waits. */
  readonly actor: Actor
  readonly log: (actor: string, what: () => string) => void
}

interface Operation {
  /** What only reads changes nothing when it arrives late. */
  readonly isRead?: boolean
  /** Whether the ledger is right to refuse it. */
  readonly isGuarded?: () => boolean
}

/** What belongs to nobody any more, and arrives all the same. */
const newNetwork = (): Actor => ({ name: 'network', node: -1, alive: true, crashRate: 0 })

/** A ledger at the other end of a bad line. The witness sees everything that it really does. */
export function createUnreliableLedger(options: UnreliableLedgerOptions): Ledger {
  const { ledger, witness, scheduler, random, weather, mishaps, actor, log } = options
  const { chance, integer } = random

  async function through<Outcome>(
    name: string,
    operation: () => Promise<Outcome>,
    see?: (outcome: Outcome) => Promise<void>,
    { isRead = false, isGuarded = () => false }: Operation = {},
  ): Promise<Outcome> {
    const apply = async (by: string): Promise<Outcome> => {
      const outcome = await operation().catch((error: unknown) => {
        const { cause } = error as Error
        if (!isGuarded()) witness.report('port', `${name} failed: ${error}, ${cause}`)
        throw error
      })
      log(by, () => `${name} → ${describe(outcome)}`)
      await see?.(outcome)
      return outcome
    }
    const applyLater = () =>
      scheduler.start(newNetwork(), integer(0, 30_000), async () => {
        // Nobody is there to be told.
        await apply('network').catch(() => undefined)
      })
    const giveUp = async (why: string): Promise<never> => {
      log(actor.name, () => `${name} ${why}`)
      await scheduler.pause(actor, integer(100, 2_000))
      throw new ServiceError('store_unavailable')
    }

    await scheduler.pause(actor, chance(weather.slow) ? integer(1_000, 30_000) : integer(0, 12))
    mishaps.calls += 1
    const { kind } = mishaps.planned?.at === mishaps.calls ? mishaps.planned : {}
    if (kind === 'lost request' || chance(weather.requestLost)) return giveUp('never arrives')
    if (!isRead && chance(weather.late)) {
      applyLater()
      return giveUp('is late')
    }
    const outcome = await apply(actor.name)
    if (!isRead && chance(weather.twice)) applyLater()
    await scheduler.pause(actor, integer(0, 3))
    const isLost = kind === 'lost reply' || chance(weather.replyLost)
    return isLost ? giveUp('was done, its reply is lost') : outcome
  }

  const read = <Outcome>(name: string, operation: () => Promise<Outcome>) =>
    through(name, operation, undefined, { isRead: true })

  return {
    reserve: (asked) => {
      witness.asksToReserve(asked)
      return through(
        `reserve ${short(asked.requestKey)} hold ${asked.hold}`,
        () => ledger.reserve(asked),
        (outcome) => witness.reserved(asked, outcome),
      )
    },
    settle: (asked) =>
      through(
        `settle ${short(asked.requestKey)} charge ${asked.charge}`,
        () => ledger.settle(asked),
        (outcome) => witness.settled(asked, outcome),
        { isGuarded: () => witness.isGuarded(asked) },
      ),
    release: (asked) =>
      through(
        `release ${short(asked.requestKey)} ${asked.reason}`,
        () => ledger.release(asked),
        (outcome) => witness.released(asked, outcome),
      ),
    post: (entry, unchanged) =>
      through(
        `post ${entry.type} ${entry.id} ${entry.amount}`,
        () => ledger.post(entry, unchanged),
        (outcome) => witness.posted(entry, outcome),
      ),
    findRetried: (tenant, pointer, now) =>
      through(
        'findRetried',
        () => ledger.findRetried(tenant, pointer, now),
        async (found) => witness.foundRetried(actor.name, found),
        { isRead: true },
      ),
    // No client of the simulator buys this way.
    sell: (charge) => through('sell', () => ledger.sell(charge)),
    renew: (lease) =>
      through(
        `renew ${short(lease.requestKey)}`,
        () => ledger.renew(lease),
        async (outcome) => witness.renewed(lease, outcome),
      ),
    find: (tenant, requestKey) => read('find', () => ledger.find(tenant, requestKey)),
    expiredLeases: (time, limit) => read('expiredLeases', () => ledger.expiredLeases(time, limit)),
    createAccount: (account) => through('createAccount', () => ledger.createAccount(account)),
    putAccount: (account) => through('putAccount', () => ledger.putAccount(account)),
    account: (tenant) => read('account', () => ledger.account(tenant)),
    counters: (ids) => read('counters', () => ledger.counters(ids)),
    entry: (tenant, id) => read('entry', () => ledger.entry(tenant, id)),
    entries: (query) => read('entries', () => ledger.entries(query)),
    tenants: () => read('tenants', () => ledger.tenants()),
    close: async () => {},
  }
}

export const short = (requestKey: string) => requestKey.slice(0, 8)

/** An outcome in one or two words. */
function describe(outcome: unknown): string {
  if (typeof outcome !== 'object' || outcome === null) return String(outcome)
  if (Array.isArray(outcome)) return `${outcome.length} found`
  const { kind, takenOver, state, available } = outcome as Record<string, unknown>
  return [
    kind,
    takenOver ? 'by takeover' : '',
    state,
    available === undefined ? '' : `available ${available}`,
  ]
    .filter(Boolean)
    .join(' ')
}
