import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createMeter } from '#shared/metering/metered-call.ts'
import { identifyRequest } from '#shared/metering/request-identity.ts'
import { sweep } from '#shared/metering/sweep.ts'
import { readEntries } from '../metering/audit.ts'
import { createMemoryLedger } from '../metering/memory-ledger.ts'
import type { Attempt } from './attempt.ts'
import { type BooksState, checkAtRest } from './check-at-rest.ts'
import { newAttempt } from './new-attempt.ts'
import { openAccounts, postAs } from './postings.ts'
import { prices } from './prices.ts'
import { createRandom } from './random.ts'
import { createReplyWitness } from './reply-witness.ts'
import {
  type ClientPlan,
  drawScenario,
  fair,
  type PostingPlan,
  type Scenario,
  type TryPlan,
} from './scenario.ts'
import { type Actor, createScheduler } from './scheduler.ts'
import { serve } from './serve.ts'
import { createUnreliableLedger } from './unreliable-ledger.ts'
import { createWitness } from './witness.ts'

/** What is put to the proof; a planted bug is another one of these. */
export interface CodeUnderTest {
  readonly createMeter: typeof createMeter
  readonly sweep: typeof sweep
  readonly identifyRequest: typeof identifyRequest
  readonly createMemoryLedger: typeof createMemoryLedger
}

export const realCode: CodeUnderTest = { createMeter, sweep, identifyRequest, createMemoryLedger }

export interface SimulateOptions {
  readonly code?: CodeUnderTest
  /** Empty, and not closed here; otherwise the memory ledger. */
  readonly ledger?: Ledger | undefined
  /** Forgets what has expired, where the ledger does. */
  readonly prune?: ((now: number) => Promise<unknown>) | undefined
  /** Makes another scenario of the one that the seed draws. */
  readonly change?: ((drawn: Scenario) => Scenario) | undefined
  /** The weather is fair, but for one thing that happens once. */
  readonly mishap?: Mishap | undefined
  /** Receives the schedule line by line. */
  readonly trace?: string[]
  /** Receives how often what happened. */
  readonly events?: Map<string, number>
}

export interface Mishap {
  readonly kind: 'death' | 'lost request' | 'lost reply'
  /** At which await, or at which call of the ledger; the first is 1. */
  readonly at: number
}

export interface Outcome {
  readonly violations: readonly { readonly rule: string; readonly detail: string }[]
  /** All that the ledger ends with, and all replies: two drivers must agree on it. */
  readonly books: BooksState
  readonly replies: readonly string[]
  /** Where a mishap can happen. */
  readonly awaits: number
  readonly calls: number
}

/** Runs the schedule of a seed to its end, through the final sweep, and checks it all the way. */
export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Outcome> {
  const { code = realCode, prune = async () => undefined, trace, events } = options
  const ledger = inOneOrder(options.ledger ?? code.createMemoryLedger())
  const random = createRandom(seed)
  const { change = (drawn) => (options.mishap ? { ...drawn, weather: fair } : drawn) } = options
  const scenario = change(drawScenario(random))
  const { weather } = scenario
  const mishaps = { planned: options.mishap, awaits: 0, calls: 0 }
  const violations: { rule: string; detail: string }[] = []
  const log = (actor: string, what: () => string): void => {
    if (!trace) return
    const seconds = ((scheduler.now() - scenario.start) / 1_000).toFixed(3)
    trace.push(`${seconds.padStart(9)} s  ${actor.padEnd(8)} ${what()}`)
  }
  const report = (rule: string, detail: string): void => {
    violations.push({ rule, detail })
    log('WITNESS', () => `${rule}: ${detail}`)
  }
  const count = (event: string) => void events?.set(event, (events.get(event) ?? 0) + 1)
  const scheduler = createScheduler({
    random,
    mishaps,
    start: scenario.start,
    log,
    onFailure: (actor, what) => report('crash', `${actor.name}: ${what}`),
  })
  const witness = createWitness({ ledger, scenario, now: scheduler.now, report, count })
  const replies = createReplyWitness({ witness, ledger, report, count, log })
  const skews = [...scenario.skewsMs]
  const clockOf = (node: number) => () => scheduler.now() + (skews[node] ?? 0)
  const lineOf = (actor: Actor) =>
    createUnreliableLedger({ ledger, witness, scheduler, random, weather, mishaps, actor, log })
  let actors = 0

  function newActor(prefix: string, node: number, crashRate: number): Actor {
    actors += 1
    return { name: `${prefix}${actors}`, node, alive: true, crashRate }
  }

  function launch(client: ClientPlan, plan: TryPlan, tryIndex: number): void {
    const actor = newActor('a', plan.node, weather.crash)
    const { tenant } = client
    scheduler.start(actor, plan.atMs, async () => {
      if (replies.has(client) && !client.persists) return
      const attempt = newAttempt(code, actor, client, plan, tryIndex)
      witness.attempts.set(attempt.id, attempt)
      log(actor.name, () => describeAttempt(attempt, tryIndex))
      const meter = code.createMeter({
        ledger: lineOf(actor),
        prices,
        now: clockOf(plan.node),
        newId: () => attempt.id,
        sleep: (ms) => scheduler.pause(actor, ms),
      })
      const wait = (ms: number) => scheduler.pause(actor, ms)
      const onTicket = () => witness.runs(attempt)
      const onRenewal = (renew: () => Promise<void>) => witness.renews(attempt, renew)
      const reply = await serve({ attempt, meter, onTicket, onRenewal, wait })
      attempt.ended = true
      await replies.leaves(attempt, tenant, reply, random.chance(weather.replyLost))
    })
  }

  function startSweep({ atMs, node }: { atMs: number; node: number }): void {
    const actor = newActor('sweep', node, weather.crash)
    scheduler.start(actor, atMs, async () => {
      log(actor.name, () => 'begins')
      await code.sweep({ ledger: lineOf(actor), now: clockOf(node) }).catch(ignoreStore)
    })
  }

  function startPosting(plan: PostingPlan, index: number): void {
    const actor = newActor('post', plan.node, weather.crash)
    scheduler.start(actor, plan.atMs, () =>
      postAs(plan, index, lineOf(actor), clockOf(plan.node)(), witness.books.sold).catch(
        ignoreStore,
      ),
    )
  }

  log('scenario', () => describeScenario(scenario))
  await openAccounts(ledger, scenario, witness)
  for (const client of scenario.clients) {
    for (const [index, plan] of client.tries.entries()) launch(client, plan, index)
  }
  scenario.sweeps.forEach(startSweep)
  scenario.postings.forEach(startPosting)
  for (const { atMs, node, toMs } of scenario.clockJumps) {
    scheduler.start(newActor('clock', -1, 0), atMs, async () => {
      log(`node ${node}`, () => `is now off by ${toMs} ms`)
      skews[node] = toMs
    })
  }
  const seen: Awaited<ReturnType<typeof readEntries>> = []
  scheduler.start(newActor('auditor', -1, 0), scenario.auditAtMs, async () => {
    for (const { name } of scenario.tenants) seen.push(...(await readEntries(ledger, name, 1_000)))
  })
  await scheduler.run()
  const rest = { code, ledger, prune, scenario, scheduler, witness, replies, seen, log }
  const books = await checkAtRest(rest)
  const { awaits, calls } = mishaps
  return { violations, books, replies: replies.all, awaits, calls }
}

/** Where the port leaves the order open, drivers differ; schedules on them may not. */
const inOneOrder = (ledger: Ledger): Ledger => ({
  ...ledger,
  tenants: async () => (await ledger.tenants()).sort(),
  expiredLeases: async (time, limit) =>
    (await ledger.expiredLeases(time, limit)).sort(
      (a, b) => a.leaseUntil - b.leaseUntil || (a.requestKey < b.requestKey ? -1 : 1),
    ),
})

/** Who has nobody to tell tries again another time. */
function ignoreStore(thrown: unknown): void {
  if (!(thrown instanceof ServiceError && thrown.code === 'store_unavailable')) throw thrown
}

const json = (value: unknown) =>
  JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? Number(part) : part))

const describeScenario = ({ weather, skewsMs, tenants, sweeps }: Scenario) =>
  `${json({ weather: weather.name, skewsMs, sweeps: sweeps.length })}\n${tenants.map((tenant) => `  ${json(tenant)}`).join('\n')}`

const describeAttempt = ({ client, plan, call }: Attempt, tryIndex: number) =>
  `${client.name} try ${tryIndex} for ${client.tenant.name}/${call.keyId}: ${client.kind} ` +
  `${client.kind === 'keyed' ? client.idempotencyKey : ''} ${client.payload} ${client.priceName}` +
  `${client.free ? ' free' : ''} on node ${plan.node}, ${plan.runMs} ms, ${plan.fate}, ` +
  `request ${call.requestKey.slice(0, 8)}`
