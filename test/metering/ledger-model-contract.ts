import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Ledger, Release, Settlement } from '#shared/metering/ledger.ts'
import { auditLedger, readEntries } from './audit.ts'
import type { OpenLedger } from './ledger-contract.ts'
import {
  chargeOf,
  comparable,
  day,
  fresh,
  newAnswer,
  newReservation,
  newTopUp,
  releaseOf,
  settlementOf,
  start,
} from './ledger-samples.ts'
import { createMemoryLedger } from './memory-ledger.ts'

/** Any sequence of operations has the outcomes, and leaves the books, that the model says. */
export function describeLedgerModel(open: OpenLedger, runs: number): void {
  test('does what the model does, whatever is asked in whatever order', async () => {
    const driver = await open()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const model = createMemoryLedger()
        const world = openWorld()
        for (const ledger of [driver, model]) await setUp(ledger, world)
        const operations: Operation[] = []
        for (const [index, each] of steps.entries()) {
          const operation = toOperation(each, index, world, operations)
          operations.push(operation)
          const [actual, expected] = [await operation(driver), await operation(model)]
          expect(actual).toEqual(expected)
        }
        expect(await booksOf(driver, world)).toEqual(await booksOf(model, world))
        const { tenants } = world
        const now = start + 10 * day
        const violations = await auditLedger(driver, { now, tenants, ...lenient })
        expect(violations).toEqual([])
      }),
      { numRuns: runs },
    )
  })
}

/** Answers here expire early, and holds are left. */
const lenient = { retentionMs: 0, sweepMs: Number.MAX_SAFE_INTEGER }

const small = fc.integer({ min: 0, max: 4 })
const amount = fc.bigInt({ min: 0n, max: 60n })
const tenant = fc.constantFrom(0, 0, 0, 1)

/** What is done, with every choice as a number; names are made of them in the world of a run. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('reserve' as const),
      tenant,
      key: small,
      fingerprint: fc.constantFrom(0, 0, 0, 0, 1),
      hold: amount,
      counters: fc.subarray([0, 1, 2]),
      leaseMs: fc.constantFrom(0, 5, 20, 100),
      passesMs: fc.constantFrom(0, 0, 3, 30),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      tenant,
      key: small,
      /** Which of the fences that the key has had, counted from the latest. */
      attempt: fc.constantFrom(0, 0, 0, 1, 2),
      charge: amount,
      keptMs: fc.constantFrom(0, 15, 1_000),
      passesMs: fc.constantFrom(0, 3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      tenant,
      key: small,
      attempt: fc.constantFrom(0, 0, 0, 1, 2),
      rejected: fc.boolean(),
      keptMs: fc.constantFrom(0, 15, 1_000),
      passesMs: fc.constantFrom(0, 3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('post' as const),
      tenant,
      id: small,
      type: fc.constantFrom('topup' as const, 'refund' as const, 'expiry' as const),
      amount: fc.bigInt({ min: 1n, max: 60n }),
      key: small,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('renew' as const),
      tenant,
      key: small,
      attempt: fc.constantFrom(0, 0, 0, 1, 2),
      leaseMs: fc.constantFrom(-5, 0, 20, 100),
      passesMs: fc.constantFrom(0, 3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('sell' as const), tenant, key: small, amount }),
  },
  // A reply was lost: an earlier operation again, with its very parameters.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('repeat' as const), back: small }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('look' as const), tenant, key: small }),
  },
)

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never
type Operation = (ledger: Ledger) => Promise<unknown>
type World = ReturnType<typeof openWorld>

/** Names of this run alone, so that all runs can share a store. */
function openWorld() {
  const tenants = [fresh('model'), fresh('model')] as const
  const fences = new Map<string, string[]>()
  return {
    tenants,
    /** Given to a fence's first reservation; the newest last. */
    fences,
    holds: new Map<string, bigint>(),
    counters: tenants.map((name) => [`${name}:spend`, `${name}:calls`, `${name}:concurrency`]),
    time: start,
  }
}

async function setUp(ledger: Ledger, { tenants: [prepaid, postpaid] }: World): Promise<void> {
  const settings = { currency: 'USD', limits: {} }
  await ledger.putAccount({ ...settings, tenant: prepaid, mode: 'prepaid' })
  await ledger.putAccount({ ...settings, tenant: postpaid, mode: 'postpaid' })
  await ledger.post(newTopUp(prepaid, 150n, { id: 'first', reference: undefined }))
}

function toOperation(step: Step, index: number, world: World, earlier: Operation[]): Operation {
  if (step.kind === 'repeat') return earlier.at(-1 - step.back) ?? (async () => undefined)
  const name = world.tenants[step.tenant === 0 ? 0 : 1]
  if (step.kind === 'post') {
    const entry = newTopUp(name, step.amount, {
      id: `${step.type}-${step.id}`,
      type: step.type,
      at: world.time,
      reference: step.type === 'refund' ? `key-${step.key}` : undefined,
    })
    return async (ledger) => comparable(await ledger.post(entry))
  }
  const requestKey = `key-${step.key}`
  if (step.kind === 'look') {
    const now = world.time
    return async (ledger) => [
      comparable(await ledger.find(name, requestKey)),
      comparable(await ledger.findRetried(name, `pointer-${step.key}`, now)),
      comparable(await ledger.entry(name, requestKey)),
    ]
  }
  if (step.kind === 'sell') {
    const charge = chargeOf(name, step.amount, { id: requestKey, at: world.time })
    return (ledger) => ledger.sell(charge)
  }
  world.time += step.passesMs
  const now = world.time
  const attempts = world.fences.get(`${name} ${requestKey}`) ?? []
  if (step.kind === 'reserve') {
    const fence = `fence-${index}`
    world.fences.set(`${name} ${requestKey}`, [...attempts, fence])
    const asked = newReservation(name, {
      requestKey,
      fingerprint: `payload-${step.fingerprint}`,
      fence,
      hold: step.hold,
      leaseUntil: now + step.leaseMs,
      counters: step.counters.map((which) => counterOf(world, step.tenant, which, step.hold)),
      retryPointer: { key: `pointer-${step.key}`, until: start + 60 },
      now,
    })
    return async (ledger) => comparable(await ledger.reserve(asked))
  }
  const attempt = { tenant: name, requestKey, fence: attempts.at(-1 - step.attempt) ?? 'none' }
  if (step.kind === 'renew') {
    const lease = { ...attempt, leaseUntil: now + step.leaseMs }
    return (ledger) => ledger.renew(lease)
  }
  const answer = newAnswer({
    body: Buffer.from(`${attempt.fence} ${index}`),
    expiresAt: now + step.keptMs,
  })
  if (step.kind === 'release') {
    const outcome = step.rejected
      ? ({ kind: 'rejected', answer } as const)
      : ({ kind: 'void' } as const)
    const release: Release = releaseOf(attempt, { outcome, now })
    return async (ledger) => comparable(await ledger.release(release))
  }
  const settlement: Settlement = settlementOf(attempt, { charge: step.charge, answer, now })
  // Beyond its hold a charge is refused by all of them, each with words of its own.
  return async (ledger) => comparable(await ledger.settle(settlement).catch(() => 'refused'))
}

function counterOf(world: World, tenant: number, which: number, hold: bigint) {
  const id = world.counters[tenant]?.[which] ?? ''
  if (which === 0) return { id, scope: 'key', kind: 'spend', amount: hold, limit: 90n } as const
  if (which === 1) return { id, scope: 'tenant', kind: 'calls', amount: 1n, limit: 4n } as const
  return { id, scope: 'key', kind: 'concurrency', amount: 1n, limit: 2n } as const
}

/** All that a ledger says about the tenants of a world. */
async function booksOf(ledger: Ledger, { tenants, counters }: World) {
  const leases = await ledger.expiredLeases(start + day, 100_000)
  return {
    accounts: await Promise.all(
      tenants.map(async (name) => comparable(await ledger.account(name))),
    ),
    counters: await ledger.counters(counters.flat()),
    entries: await Promise.all(
      tenants.map(async (name) => (await readEntries(ledger, name, 3)).map(comparable)),
    ),
    leases: leases
      .filter((request) => tenants.includes(request.tenant))
      .map(({ tenant, requestKey }) => `${tenant} ${requestKey}`)
      .sort(),
  }
}
