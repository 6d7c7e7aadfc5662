import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { accountItem, type Balance } from './dynamodb-account-item.ts'
import { counterActions } from './dynamodb-counter-actions.ts'
import { countersByParty, type PlacedCounter, usedOf } from './dynamodb-counter-place.ts'
import { ledgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { LedgerTable, Step } from './dynamodb-ledger-table.ts'
import { requestItem } from './dynamodb-request-item.ts'
import { type HoldPlan, planHold } from './dynamodb-shards.ts'
import type { createStoredAnswers } from './dynamodb-stored-answers.ts'
import type { AccountSettings, Reservation, ReserveOutcome } from './ledger.ts'
import type { Micros } from './money.ts'

const { text, number, readText, readNumber } = attributes

/** So often another shard is tried where others are busy at one; then it is waited for. */
const mostSwitches = 3

/** What a look has shown. */
interface Seen {
  /** That was given back, if there was one. */
  readonly request: DynamodbItem | undefined
  readonly settings: AccountSettings
  /** The balance at the instant of the request, where a shard has had too little. */
  readonly shards: readonly Balance[] | undefined
}

/** What a reserve has learnt from its looks. */
interface Learnt {
  /** Where the hold is sought. */
  shard: number | undefined
  switches: number
  /** How often a shard had too little. */
  shortages: number
  /** Items of counters as they stood where some of them have to begin. */
  readonly counters: Map<string, DynamodbItem>
}

/** The transaction behind `Ledger.reserve`. */
export function createReserve(
  table: LedgerTable,
  answers: ReturnType<typeof createStoredAnswers>,
  random: () => number,
) {
  const actions = ledgerActions(table.name)
  const { count } = counterActions(table.name)

  return (asked: Reservation): Promise<ReserveOutcome> => {
    const { tenant, requestKey } = asked
    const learnt: Learnt = { shard: undefined, switches: 0, shortages: 0, counters: new Map() }
    return table.transact(async () => {
      const [{ request: found, charged }, account, snapshot] = await Promise.all([
        readCall(asked),
        table.get(ledgerKeys.account(tenant)),
        learnt.shortages > 0 ? table.snapshot(tenant, requestKey) : undefined,
      ])
      // Where there may not be enough, request and balance are judged as of one instant.
      const request = snapshot ? snapshot.request : found
      if (request && readText(request, 'fingerprint') !== asked.fingerprint) return end('mismatch')
      if (request && readText(request, 'state') === 'reserved') return again(request, asked)
      if (request && isFresh(request, asked.now)) return { outcome: await replay(request) }
      if (charged) return end('gone')
      if (!account) return end('no-account')
      const settings = accountItem.toSettings(tenant, account)
      return first(asked, { request, settings, shards: snapshot?.shards }, learnt)
    })
  }

  /** The request, and whether there is a charge: it outlives the request for ever. */
  async function readCall({ tenant, requestKey }: Reservation) {
    const found: { request?: DynamodbItem; charged: boolean } = { charged: false }
    const { pk } = ledgerKeys.request(tenant, requestKey)
    for await (const item of table.query({ condition: '#pk = :pk', values: { ':pk': pk } })) {
      if (readText(item, 'sk') === 'request') found.request = item
      if (readText(item, 'sk') === 'entry') found.charged = true
    }
    return found
  }

  async function replay(item: DynamodbItem): Promise<ReserveOutcome> {
    const answer = await answers.read(item)
    if (answer) return { kind: 'replay', request: requestItem.toRecord(item, answer) }
    throw new ServiceError('store_unavailable', {
      cause: new Error('The body of a stored answer is missing before its time.'),
    })
  }

  /** A request that is reserved: by this attempt, by one that runs, or by one that died. */
  function again(item: DynamodbItem, asked: Reservation) {
    const { tenant, requestKey, fence, leaseUntil, now } = asked
    const mine = readText(item, 'fence')
    if (mine === fence) return { outcome: reserved(item) }
    const standing = readNumber(item, 'leaseUntil')
    if (standing > now) return { outcome: { kind: 'in-flight', leaseUntil: standing } as const }
    const changes = { fence: text(fence), leaseUntil: number(leaseUntil), takenOver: number(1) }
    const action = actions.set(ledgerKeys.request(tenant, requestKey), changes, {
      // Whoever has renewed meanwhile is alive.
      condition: '#state = :reserved AND #fence = :seen AND #leaseUntil = :over',
      values: { ':reserved': text('reserved'), ':seen': text(mine), ':over': number(standing) },
    })
    return {
      steps: [{ action, refused: lookAgain }],
      done: async () => reserved({ ...item, ...changes }),
    }
  }

  /** A request that was never there, or was given back. */
  function first(asked: Reservation, { request, settings, shards }: Seen, learnt: Learnt) {
    const { tenant, requestKey, hold, retryPointer } = asked
    const { mode, shards: inUse = 1 } = settings
    const prepaid = mode === 'prepaid'
    learnt.shard ??= Math.floor(random() * inUse)
    const home = learnt.shard
    let plan: HoldPlan = { home, shares: [] }
    if (prepaid && shards) {
      const { available } = accountItem.sum(shards)
      if (available < hold) return { outcome: { kind: 'no-credit', available } as const }
      const credits = shards.map((shard) => shard.available)
      plan = planHold(credits, { home, hold, inUse, rivals: learnt.shortages > 1 })
    }
    const item = requestItem.fromReservation(asked, settings, plan.home)
    const steps: Step<ReserveOutcome>[] = [
      { action: putInPlaceOf(request, item), refused: lookAgain },
      ...holdSteps(asked, plan, { prepaid, inUse }, learnt),
      ...[...countersByParty(asked.counters)].map(([party, counters]) => ({
        action: count(party, counters, learnt.counters.get(party)),
        refused: (found: DynamodbItem | undefined) => {
          if (found) learnt.counters.set(party, found)
          return limitOf(counters, found)
        },
      })),
    ]
    if (retryPointer) {
      const { key, until } = retryPointer
      const pointer = {
        ...ledgerKeys.retry(tenant, key),
        requestKey: text(requestKey),
        until: number(until),
        purgeAt: number(Math.ceil(until / 1_000)),
      }
      steps.push({ action: actions.put(pointer), refused: lookAgain })
    }
    return { steps, done: async () => reserved(item) }
  }

  /** Moves the hold, and with it the credit that other shards give for it. */
  function holdSteps(
    { tenant, hold }: Reservation,
    { home, shares }: HoldPlan,
    { prepaid, inUse }: { prepaid: boolean; inUse: number },
    learnt: Learnt,
  ): Step<ReserveOutcome>[] {
    const given = shares.reduce((sum, { amount }) => sum + amount, 0n)
    const refused = (found: DynamodbItem | undefined) => {
      learnt.shortages += 1
      return found && shortOf(found, hold)
    }
    const busy = () => {
      learnt.shard = (home + 1) % inUse
      learnt.switches += 1
    }
    const mayChoose = inUse > 1 && learnt.shortages === 0 && learnt.switches < mostSwitches
    return [
      ...actions
        .move(tenant, home, { available: prepaid ? given - hold : 0n, held: hold })
        .map((action) => ({ action, refused, ...(mayChoose && { busy }) })),
      ...shares.flatMap(({ shard, amount }) =>
        actions.move(tenant, shard, { available: -amount }).map((action) => ({ action, refused })),
      ),
    ]
  }

  function putInPlaceOf(standing: DynamodbItem | undefined, item: DynamodbItem) {
    if (!standing) return actions.put(item, 'attribute_not_exists(#pk)')
    const { state, fence } = standing
    if (!state || !fence) throw new ServiceError('store_unavailable')
    return actions.put(item, '#state = :state AND #fence = :fence', {
      ':state': state,
      ':fence': fence,
    })
  }
}

const end = <Kind extends 'mismatch' | 'gone' | 'no-account'>(kind: Kind) => ({ outcome: { kind } })

const lookAgain = () => undefined

const reserved = (item: DynamodbItem): ReserveOutcome => ({
  kind: 'reserved',
  request: requestItem.toRecord(item),
  takenOver: item.takenOver !== undefined,
})

const isFresh = (item: DynamodbItem, now: number) =>
  item.answerExpiresAt !== undefined && readNumber(item, 'answerExpiresAt') > now

/** That there is too little, where the item says it by itself: an account of a single shard. */
function shortOf(item: DynamodbItem, hold: Micros): ReserveOutcome | undefined {
  if (!item.mostShards || accountItem.mostShards(item) > 1) return undefined
  const { available } = accountItem.toBalance(item)
  return available < hold ? { kind: 'no-credit', available } : undefined
}

/** The first counter that would pass its limit; `undefined` where some have to begin first. */
function limitOf(
  counters: readonly PlacedCounter[],
  item: DynamodbItem | undefined,
): ReserveOutcome | undefined {
  for (const { name, ...counter } of counters) {
    const used = usedOf(item, name)
    const { amount, limit } = counter
    if (limit !== undefined && used + amount > limit) return { kind: 'limit', counter, used }
  }
  return undefined
}
