import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { counterActions } from './dynamodb-counter-actions.ts'
import { countersByParty, usedOf } from './dynamodb-counter-place.ts'
import { entryItem } from './dynamodb-entry-item.ts'
import { ledgerActions } from './dynamodb-ledger-actions.ts'
import { ledgerKeys } from './dynamodb-ledger-keys.ts'
import type { LedgerTable, Step } from './dynamodb-ledger-table.ts'
import { requestItem } from './dynamodb-request-item.ts'
import type { createStoredAnswers } from './dynamodb-stored-answers.ts'
import type {
  CounterHold,
  FinishOutcome,
  Release,
  RequestRecord,
  Settlement,
  StoredAnswer,
} from './ledger.ts'
import { type RequestEnding, requestEnding } from './request-ending.ts'

const { text, number, readText } = attributes

/** What the end of a request has learnt from its looks. */
interface Learnt {
  entryStands: boolean
  /** Items of counters that could not give what was asked. */
  readonly counters: Map<string, DynamodbItem>
}

/** The transactions behind `Ledger.settle` and `Ledger.release`. */
export function createFinish(table: LedgerTable, answers: ReturnType<typeof createStoredAnswers>) {
  const actions = ledgerActions(table.name)
  const { uncount } = counterActions(table.name)

  return {
    settle: (settlement: Settlement) => finish(requestEnding.fromSettlement(settlement)),
    release: (release: Release) => finish(requestEnding.fromRelease(release)),
  }

  async function finish(ending: RequestEnding): Promise<FinishOutcome> {
    const { tenant, requestKey, fence, state, answer } = ending
    // Written before the transaction that points at it, and only by who may still win.
    let answered: DynamodbItem | undefined
    const learnt: Learnt = { entryStands: false, counters: new Map() }
    return table.transact(async () => {
      const item = await table.get(ledgerKeys.request(tenant, requestKey))
      const mine = item && readText(item, 'fence') === fence
      if (mine && readText(item, 'state') === state) return { outcome: await finished(item) }
      if (!mine || readText(item, 'state') !== 'reserved') {
        if (answered) await answers.forget(answered)
        return { outcome: await lost(item) }
      }
      answered ??= answer ? await answers.toAttributes(ending, answer) : {}
      const { changes, steps } = plan(item, ending, answered, learnt)
      return { steps, done: () => finished({ ...item, ...changes }, answer) }
    })
  }

  function plan(item: DynamodbItem, ending: RequestEnding, answered: DynamodbItem, learnt: Learnt) {
    const { tenant, fence, now, state, charge, entry } = ending
    const request = requestItem.toRecord(item)
    const { hold, counters, sale } = request
    const paid = charge ?? 0n
    if (paid < 0n || paid > hold) {
      throw new ServiceError('internal', { detail: 'A charge is between nothing and its hold.' })
    }
    const changes = {
      state: text(state),
      ...answered,
      ...(charge !== undefined && { charge: number(charge) }),
      // Time to live is counted in seconds.
      purgeAt: number(Math.ceil(requestEnding.forgetAt(ending) / 1_000)),
    }
    const currency = requestItem.currency(item)
    const prepaid = requestItem.mode(item) === 'prepaid'
    const move = { available: prepaid ? hold - paid : 0n, held: -hold, spent: paid }
    const written = { tenant, amount: paid, at: now, sale, creditExpiresAt: undefined, ...entry }
    const changed = [
      actions.set(ledgerKeys.request(tenant, ending.requestKey), changes, {
        remove: 'leaseGroup',
        condition: '#state = :reserved AND #fence = :fence',
        values: { ':reserved': text('reserved'), ':fence': text(fence) },
      }),
      ...actions.move(tenant, requestItem.shard(item), move),
    ]
    const steps: Step<FinishOutcome>[] = [
      ...changed.map((action) => ({ action, refused: () => undefined })),
      ...uncountSteps(counters, ending, learnt),
    ]
    if (!learnt.entryStands) {
      const item = entryItem.fromEntry({ ...written, currency })
      steps.push({
        action: actions.put(item, 'attribute_not_exists(#pk)'),
        refused: () => {
          // Charged already, and forgotten since: never again. An attempt that was voided, reserved
          // again and is voided again has its entry.
          if (state === 'done') return { kind: 'lost', request }
          learnt.entryStands = true
          return undefined
        },
      })
    }
    return { changes, steps }
  }

  /** A counter that is not as its holds made it has been removed since: all that is left returns. */
  function uncountSteps(
    counters: readonly CounterHold[],
    ending: RequestEnding,
    learnt: Learnt,
  ): Step<FinishOutcome>[] {
    return [...countersByParty(counters)].flatMap(([party, placed]) => {
      const standing = learnt.counters.get(party)
      const back = placed
        .map((counter) => {
          const amount = requestEnding.givenBack(ending, counter)
          const used = standing && usedOf(standing, counter.name)
          const isLess = used !== undefined && used < amount
          return { name: counter.name, amount: isLess ? used : amount }
        })
        .filter(({ amount }) => amount !== 0n)
      if (back.length === 0) return []
      const refused = (found: DynamodbItem = {}) => {
        learnt.counters.set(party, found)
        return undefined
      }
      return [{ action: uncount(party, back), refused }]
    })
  }

  async function finished(item: DynamodbItem, answer?: StoredAnswer): Promise<FinishOutcome> {
    const request = await recordOf(item, answer)
    const account = await table.account(request.tenant)
    if (account) return { kind: 'finished', request, account }
    throw new ServiceError('store_unavailable', {
      cause: new Error('A request belongs to an account that does not exist.'),
    })
  }

  async function lost(item: DynamodbItem | undefined): Promise<FinishOutcome> {
    return { kind: 'lost', request: item && (await recordOf(item)) }
  }

  async function recordOf(item: DynamodbItem, answer?: StoredAnswer): Promise<RequestRecord> {
    return requestItem.toRecord(item, answer ?? (await answers.read(item)))
  }
}
