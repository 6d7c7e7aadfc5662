import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger, LedgerEntry } from '#shared/metering/ledger.ts'
import { auditLedger, readEntries } from '../metering/audit.ts'
import { type Attempt, textOf } from './attempt.ts'
import { checkExpired } from './money-rules.ts'
import { prices } from './prices.ts'
import type { ReplyWitness } from './reply-witness.ts'
import type { Scenario } from './scenario.ts'
import type { Scheduler } from './scheduler.ts'
import type { CodeUnderTest } from './simulate.ts'
import type { Witness } from './witness.ts'

export interface AtRest {
  readonly code: CodeUnderTest
  readonly ledger: Ledger
  readonly prune: (now: number) => Promise<unknown>
  readonly scenario: Scenario
  readonly scheduler: Scheduler
  readonly witness: Witness
  readonly replies: ReplyWitness
  /** Entries that were read in the middle of the schedule. */
  readonly seen: readonly LedgerEntry[]
  readonly log: (actor: string, what: () => string) => void
}

/** What the ledger ends with, in a form that can be compared. */
export interface BooksState {
  readonly accounts: readonly string[]
  readonly entries: readonly string[]
}

const minute = 60 * 1_000
const day = 24 * 60 * minute

/** After the last call ended or died: one sweep with a right clock, and then all must be in order. */
export async function checkAtRest(rest: AtRest): Promise<BooksState> {
  const { code, ledger, scenario, scheduler, witness, replies, seen, log } = rest
  const { books, report } = witness
  // Past every lease, and every credit's date, by the slowest clock.
  scheduler.advance(20 * minute)
  log('rest', () => 'the last sweep')
  await code.sweep({ ledger: watched(ledger, witness), now: scheduler.now })

  if (books.open.size > 0) report('I6', `${books.open.size} holds are left at rest`)
  for (const { name } of scenario.tenants) {
    await books.compare(name)
    checkExpired(books, name, scheduler.now(), report)
  }
  const requests = [...witness.attempts.values()].map(({ call }) => call)
  const audit = { now: scheduler.now(), requests, delivered: [...replies.delivered.values()], seen }
  for (const { rule, tenant, detail } of await auditLedger(ledger, { ...audit, atRest: true })) {
    // A hold that the sweeper ended too early is made once more when its reserve is repeated: then a
    // void and a charge have one fence, in this order, which the witness has seen.
    if (!detail.endsWith('both settled and released')) report(rule, `audit of ${tenant}: ${detail}`)
  }
  checkRetries(rest)
  await checkAnswersStay(rest)
  await checkNoFalseRefusal(rest)
  return state(ledger, scenario)
}

/** A retry that was told which call it repeats is not charged beside it. */
function checkRetries({ witness: { attempts, books, report } }: AtRest): void {
  for (const { id, found } of attempts.values()) {
    const mine = [...books.sold].find(([, { fence }]) => fence === id)
    if (found === undefined || !mine || mine[0] === found) continue
    if (books.sold.has(found)) report('I2', `${id} is charged beside the call that it repeats`)
  }
}

/** I2, I3, I8: who asks again gets the same bytes, and after their time is over no second charge. */
async function checkAnswersStay(rest: AtRest): Promise<void> {
  const { code, ledger, prune, scheduler, witness } = rest
  const { books, report, attempts } = witness
  const line = watched(ledger, witness)
  const askAgain = ({ id, call }: Attempt) =>
    code
      .createMeter({
        ledger: line,
        prices,
        now: scheduler.now,
        newId: () => `again-${id}`,
        sleep: async () => {},
      })
      .begin({ ...call, retry: undefined })
      .catch((error: unknown) => ServiceError.from(error))
  const buyers = new Map<string, Attempt>()
  for (const attempt of attempts.values()) {
    if (books.sold.get(attempt.call.requestKey)?.fence === attempt.id) {
      buyers.set(attempt.call.requestKey, attempt)
    }
  }
  for (const [requestKey, buyer] of buyers) {
    const again = await askAgain(buyer)
    const text = 'answer' in again ? textOf(again.answer.body) : undefined
    if (text !== books.sold.get(requestKey)?.body) {
      report('I3', `${requestKey} asked again: ${text ?? ('code' in again ? again.code : 'runs')}`)
    }
  }
  const [, last] = [...buyers].at(-1) ?? []
  if (!last) return
  scheduler.advance(day + 100 * minute)
  await prune(scheduler.now())
  const late = await askAgain(last)
  if (!('code' in late && late.code === 'answer_expired')) {
    report('I2', `${last.call.requestKey} can be bought again after a day`)
  }
}

/** I5, I14: the whole of what is left can be used, and not one unit more. */
async function checkNoFalseRefusal({ ledger, scenario, scheduler, witness }: AtRest) {
  for (const { name, mode } of scenario.tenants) {
    const account = await ledger.account(name)
    if (!account || mode !== 'prepaid') continue
    const now = scheduler.now()
    const probe = (id: string, hold: bigint) =>
      ledger.reserve({
        tenant: name,
        requestKey: id,
        fingerprint: id,
        fence: id,
        leaseUntil: now,
        hold,
        counters: [],
        sale: { keyId: '', project: undefined, model: '', modelDigest: '', priceId: '' },
        now,
      })
    const whole = await probe('whole', account.available)
    if (whole.kind !== 'reserved') witness.report('I14', `${account.available} cannot be used`)
    const beyond = await probe('beyond', 1n)
    if (beyond.kind === 'reserved') witness.report('I5', 'one unit more than there is was held')
  }
}

/** The ledger itself, with the witness looking on. */
function watched(ledger: Ledger, witness: Witness): Ledger {
  return {
    ...ledger,
    async reserve(asked) {
      const outcome = await ledger.reserve(asked)
      await witness.reserved(asked, outcome)
      return outcome
    },
    async release(asked) {
      const outcome = await ledger.release(asked)
      await witness.released(asked, outcome)
      return outcome
    },
    async post(entry, unchanged) {
      const outcome = await ledger.post(entry, unchanged)
      await witness.posted(entry, outcome)
      return outcome
    },
  }
}

async function state(ledger: Ledger, { tenants }: Scenario): Promise<BooksState> {
  const accounts: string[] = []
  const entries: string[] = []
  for (const { name } of tenants) {
    const { available, held, spent } = (await ledger.account(name)) ?? {}
    accounts.push(`${name} ${available} ${held} ${spent}`)
    for (const { id, type, amount, at, reference } of await readEntries(ledger, name, 1_000)) {
      entries.push(`${name} ${id} ${type} ${amount} ${at} ${reference}`)
    }
  }
  return { accounts, entries }
}
