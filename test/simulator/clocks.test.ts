import { expect, test } from 'vitest'
import { fair, type Scenario } from './scenario.ts'
import { simulate } from './simulate.ts'

/**
 * Clients that all can have what they want, with keys of their own and tries that overlap: then
 * each pays for one call, whoever of its attempts may have thought the others dead.
 */
const ordinary = (drawn: Scenario): Scenario => ({
  ...drawn,
  start: Date.UTC(2026, 10, 23, 12),
  weather: fair,
  tenants: drawn.tenants.map((tenant) => without(tenant)),
  clients: drawn.clients.map(({ tries: [first, ...others], ...client }) => ({
    ...client,
    tenant: without(client.tenant),
    kind: 'keyed',
    idempotencyKey: client.name,
    payload: 'good',
    free: false,
    tries: [first, ...others].flatMap((plan) =>
      plan && first
        ? { ...first, atMs: plan.atMs, node: plan.node, runMs: plan.runMs, fate: 'answers' }
        : [],
    ),
  })),
  postings: [],
  sweeps: [],
})

function without(tenant: Scenario['tenants'][number]): Scenario['tenants'][number] {
  const credits = tenant.mode === 'prepaid' ? [{ amount: 10_000n, expiresInMs: undefined }] : []
  return { ...tenant, limits: {}, keyLimits: [], projectLimits: {}, credits }
}

const withTrueClocks = (drawn: Scenario): Scenario => ({
  ...ordinary(drawn),
  skewsMs: [],
  clockJumps: [],
  hasTrueClocks: true,
})

test('ends with the same balances whatever the clocks say', { timeout: 60_000 }, async () => {
  const events = new Map<string, number>()
  for (let seed = 1; seed <= 500; seed += 1) {
    const wrong = await simulate(seed, { change: ordinary, events })
    const right = await simulate(seed, { change: withTrueClocks })
    expect(wrong.violations, `seed ${seed}`).toEqual([])
    expect(wrong.books.accounts, `seed ${seed}`).toEqual(right.books.accounts)
  }
  // Clocks that are off do make attempts give up one another.
  expect(events.get('takeover')).toBeGreaterThan(20)
})
