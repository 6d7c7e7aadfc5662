import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { accountItem } from './dynamodb-account-item.ts'
import { ledgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { LedgerTable, Step } from './dynamodb-ledger-table.ts'
import { requestItem } from './dynamodb-request-item.ts'
import type { createStoredAnswers } from './dynamodb-stored-answers.ts'
import type { Account, Reservation, ReserveOutcome } from './ledger.ts'

const { text, number, readText, readNumber, readBigint } = attributes

/** The transaction behind `Ledger.reserve`. */
export function createReserve(table: LedgerTable, answers: ReturnType<typeof createStoredAnswers>) {
  const actions = ledgerActions(table.name)

  return (asked: Reservation): Promise<ReserveOutcome> =>
    table.transact(async () => {
      const [{ request, charged }, account] = await Promise.all([
        readCall(asked),
        table.account(asked.tenant),
      ])
      if (request && readText(request, 'fingerprint') !== asked.fingerprint) return end('mismatch')
      if (request && readText(request, 'state') === 'reserved') return again(request, asked)
      if (request && isFresh(request, asked.now)) return { outcome: await replay(request) }
      if (charged) return end('gone')
      if (!account) return end('no-account')
      return first(request, account, asked)
    })

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
      condition: '#state = :reserved AND #fence = :seen',
      values: { ':reserved': text('reserved'), ':seen': text(mine) },
    })
    return {
      steps: [{ action, refused: lookAgain }],
      done: async () => reserved({ ...item, ...changes }),
    }
  }

  /** A request that was never there, or was given back. */
  function first(standing: DynamodbItem | undefined, account: Account, asked: Reservation) {
    const item = requestItem.fromReservation(asked, account)
    const { tenant, requestKey, hold, retryPointer } = asked
    const prepaid = account.mode === 'prepaid'
    const move = { available: prepaid ? -hold : 0n, held: hold }
    const steps: Step<ReserveOutcome>[] = [
      { action: putInPlaceOf(standing, item), refused: lookAgain },
      ...actions
        .move(tenant, move, { mode: text(account.mode), currency: text(account.currency) })
        .map((action) => ({
          action,
          refused: (found: DynamodbItem | undefined) => shortOf(tenant, found, hold),
        })),
      ...asked.counters.map((counter) => ({
        action: actions.count(counter),
        refused: (found: DynamodbItem | undefined) =>
          ({ kind: 'limit', counter, used: found ? readBigint(found, 'used') : 0n }) as const,
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

/** Why a balance did not give the hold; where its settings have changed meanwhile, look again. */
function shortOf(
  tenant: string,
  item: DynamodbItem | undefined,
  hold: bigint,
): ReserveOutcome | undefined {
  if (!item) return { kind: 'no-account' }
  const { mode, available } = accountItem.toAccount(tenant, item)
  return mode === 'prepaid' && available < hold ? { kind: 'no-credit', available } : undefined
}
