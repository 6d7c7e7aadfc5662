import { expect, test } from 'vitest'
import { attentionAt } from '#shared/jobs/attention-at.ts'
import type { CallOrder, DeferredCall } from '#shared/jobs/deferred-call.ts'
import type { DeferredCallStore } from '#shared/jobs/deferred-call-store.ts'

export const start = 1_795_392_000_000
const run = Math.random().toString(36).slice(2, 8)
let made = 0
export const fresh = (prefix: string) => `${prefix}-${run}-${++made}`

export type OrderChanges = Partial<CallOrder> & { readonly tenant?: string }

/** A call that has just come. */
export function newCall(
  changes: Partial<DeferredCall> = {},
  { tenant = 'acme', ...order }: OrderChanges = {},
): DeferredCall {
  const createdAt = changes.createdAt ?? start
  return {
    id: fresh('job'),
    order: {
      caller: { method: 'api-key', keyId: 'key-1', tenant, mode: 'live', scopes: ['predict'] },
      request: {
        method: 'POST',
        path: '/v1/models/iris/predict',
        query: { ä: '𝒳' },
        headers: { 'content-type': 'application/json' },
        sourceIp: '203.0.113.7',
        bodyKey: 'calls/x/request',
      },
      model: 'iris@1',
      lane: 'light',
      priority: 'normal',
      fingerprint: 'ef'.repeat(32),
      ...order,
    },
    revision: 1,
    createdAt,
    changedAt: createdAt,
    state: 'queued',
    attempts: 0,
    mishaps: 0,
    notBefore: createdAt,
    ...changes,
  }
}

export const after = (call: DeferredCall, changes: Partial<DeferredCall>): DeferredCall => ({
  ...call,
  ...changes,
  revision: call.revision + 1,
})

/** As it stands after a run that took so long. */
export const succeeded = (call: DeferredCall, runMs: number, endedAt = start): DeferredCall =>
  after(call, {
    state: 'succeeded',
    run: undefined,
    endedAt,
    result: { status: 200, key: 'calls/x/result', charge: 2n ** 62n, runMs },
  })

/** What every store of calls promises, whatever is behind it. */
export function describeDeferredCallStore(open: () => DeferredCallStore): void {
  async function stored(
    store: DeferredCallStore,
    ...about: Parameters<typeof newCall>
  ): Promise<DeferredCall> {
    const call = newCall(...about)
    expect(await store.create(call)).toBe(true)
    return call
  }
  const idsOf = (all: readonly { readonly id: string }[]) => all.map(({ id }) => id)

  test('gives back a call with all that may be known of it', async () => {
    const store = open()
    const full = newCall(
      {
        state: 'succeeded',
        attempts: 3,
        mishaps: 2,
        cancelAskedAt: start + 1,
        endedAt: start + 2,
        result: { status: 200, key: 'calls/a/result-b', charge: 2n ** 62n, runMs: 7 },
        webhook: { state: 'pending', attempts: 1, outcome: '503', nextAt: start + 9 },
      },
      { priority: 'high', lane: 'heavy', webhookUrl: 'https://example.com/ü?x=1' },
    )
    await store.create(full)
    expect(await store.find(full.id)).toEqual(full)
    expect(await store.find('job-of-nobody')).toBeUndefined()
  })

  test('keeps the first call of an id', async () => {
    const store = open()
    const call = await stored(store)
    expect(await store.create({ ...call, attempts: 7 })).toBe(false)
    expect(await store.find(call.id)).toEqual(call)
  })

  test('lets one of many put the next revision, and refuses every other', async () => {
    const store = open()
    const call = await stored(store)
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map((attempts) => store.replace(after(call, { attempts }))),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    const winner = outcomes.indexOf(true) + 1
    expect(await store.find(call.id)).toMatchObject({ revision: 2, attempts: winner })
    expect(await store.replace({ ...call, revision: 4 })).toBe(false)
    expect(await store.replace(after(newCall(), {}))).toBe(false)
  })

  test('lists the calls of a tenant, newest first, page by page, and of nobody else', async () => {
    const store = open()
    const tenant = fresh('tenant')
    const calls: DeferredCall[] = []
    for (const minute of [0, 1, 2, 3, 4]) {
      calls.unshift(await stored(store, { createdAt: start + minute }, { tenant }))
    }
    const other = await stored(store, {}, { tenant: `${tenant}-2` })
    const first = await store.list({ tenant, limit: 2 })
    expect([idsOf(first.calls), first.more]).toEqual([idsOf(calls.slice(0, 2)), true])
    const rest = await store.list({ tenant, limit: 9, after: calls[1]?.id })
    expect([idsOf(rest.calls), rest.more]).toEqual([idsOf(calls.slice(2)), false])
    expect(await store.list({ tenant, limit: 9, after: other.id })).toEqual({
      calls: [],
      more: false,
    })
  })

  test('has what has not ended wait by priority and then by age', async () => {
    const store = open()
    const tenant = fresh('tenant')
    const lane = 'heavy'
    const of = (priority: CallOrder['priority'], minute: number) =>
      stored(store, { createdAt: start + minute }, { tenant, lane, priority })
    const low = await of('low', 0)
    const late = await of('normal', 3)
    const early = await of('normal', 2)
    const high = await of('high', 9)
    await stored(store, {}, { tenant, lane: 'light' })
    const ended = await of('high', 1)
    await store.replace(succeeded(ended, 5))
    const waiting = await store.waiting({ lane, tenant, limit: 9 })
    expect(waiting).toEqual([high, early, late, low].map(({ id }) => ({ id, tenant })))
    expect(await store.waiting({ lane, tenant, limit: 2 })).toEqual(waiting.slice(0, 2))
    // A tenant whose name begins alike is another one.
    await stored(store, {}, { tenant: `${tenant}2`, lane })
    expect(await store.waiting({ lane, tenant, limit: 9 })).toEqual(waiting)
    const all = await store.waiting({ lane, limit: 1_000 })
    expect(all).toEqual(expect.arrayContaining(waiting))
    expect(all.length).toBeGreaterThan(4)
  })

  test('says which of them may be taken: not before their time, nor while they are held', async () => {
    const store = open()
    const tenant = fresh('tenant')
    const now = await stored(store, { notBefore: start }, { tenant })
    const later = await stored(store, { createdAt: start - 9, notBefore: start + 100 }, { tenant })
    const held = await stored(store, { createdAt: start - 8 }, { tenant })
    const run = { fence: 'a', startedAt: start, leaseUntil: start + 50 }
    await store.replace(after(held, { state: 'running', run }))
    const readyBy = async (time: number) =>
      idsOf(await store.waiting({ lane: 'light', tenant, readyBy: time, limit: 9 }))
    expect(await readyBy(start)).toEqual([now.id])
    expect(await readyBy(start + 50)).toEqual([held.id, now.id])
    expect(await readyBy(start + 100)).toEqual([later.id, held.id, now.id])
  })

  test('remembers how long the runs of a model took that succeeded, newest first', async () => {
    const store = open()
    const model = fresh('model')
    for (const runMs of [10, 20, 30]) {
      await store.replace(succeeded(await stored(store, {}, { model }), runMs, start + runMs))
    }
    const failed = await stored(store, {}, { model })
    const { result } = succeeded(failed, 99)
    await store.replace(after(failed, { state: 'failed', endedAt: start, result }))
    expect(await store.recentRuns(model, 2)).toEqual([30, 20])
    expect(await store.recentRuns(model, 9)).toEqual([30, 20, 10])
  })

  test('tells which calls somebody must look after, the oldest first, and no earlier', async () => {
    const store = open()
    // Before all others of this suite.
    const early = start - 10_000_000_000
    const [second, first] = [
      await stored(store, { createdAt: early + 2 }),
      await stored(store, { createdAt: early + 1 }),
    ]
    expect(idsOf(await store.due(attentionAt(first) - 1, 9))).toEqual([])
    expect(await store.due(attentionAt(first), 9)).toEqual([first])
    expect(idsOf(await store.due(attentionAt(second), 9))).toEqual([first.id, second.id])
    expect(idsOf(await store.due(attentionAt(second), 1))).toEqual([first.id])
    await store.replace(after(first, { changedAt: early + 1_000 }))
    expect(idsOf(await store.due(attentionAt(second), 9))).toEqual([second.id])
    for (const { id } of [first, second]) await store.remove(id)
    expect(await store.due(attentionAt(second) + 5_000, 9)).toEqual([])
    expect(await store.find(first.id)).toBeUndefined()
    await store.remove(first.id)
  })
}
