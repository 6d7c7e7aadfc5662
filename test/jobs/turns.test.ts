import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Lane } from '#shared/jobs/deferred-call.ts'
import { estimateWait } from '#shared/jobs/estimate-wait.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { iris, type JobTenant, type JobWorld, openJobWorld } from './job-world.ts'

// Each test opens a service of its own, and two CPUs may have several to open.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 })

const path = '/v1/models/iris/predict'
let world: JobWorld
/** Jobs in the order in which they were run: `acme 3`. */
let ran: string[]

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  ran = []
  world = await openJobWorld({
    weather: (jobs) => ({
      ...jobs,
      calls: {
        ...jobs.calls,
        async replace(call) {
          const replaced = await jobs.calls.replace(call)
          if (replaced && call.state === 'running' && call.run?.startedAt === call.changedAt) {
            ran.push(names.get(call.id) ?? '')
          }
          return replaced
        },
      },
    }),
  })
})
afterEach(async () => {
  await world.close()
  vi.useRealTimers()
})

const names = new Map<string, string>()

/** Puts calls off, each a moment after the one before. */
async function submit(tenant: JobTenant, count: number, headers: Record<string, string> = {}) {
  const kind = headers['percall-priority'] ?? 'normal'
  for (let job = 1; job <= count; job += 1) {
    vi.setSystemTime(Date.now() + 1)
    names.set(await tenant.submit(headers), `${tenant.name} ${kind} ${job}`)
  }
}
const low = { 'percall-priority': 'low' }
const high = { 'percall-priority': 'high' }

describe('jobs have their turn', () => {
  test('within a tenant by priority, then in the order in which they came', async () => {
    const acme = await world.tenantOf('acme')
    const { key } = await acme.keyOf(['predict', 'predict:high'])
    const urgent = { ...acme, submit: submitAs(acme, key) }
    await submit(acme, 2, low)
    await submit(acme, 2)
    await submit(urgent, 2, high)
    await submit(acme, 1, low)
    await world.workOff()
    expect(ran).toEqual([
      'acme high 1',
      'acme high 2',
      'acme normal 1',
      'acme normal 2',
      'acme low 1',
      'acme low 2',
      'acme low 1',
    ])
  })

  test('between tenants one by one, whatever priorities they use and however many they have', async () => {
    const [many, few] = [await world.tenantOf('many'), await world.tenantOf('few')]
    const { key } = await many.keyOf(['predict', 'predict:high'])
    await submit({ ...many, submit: submitAs(many, key) }, 100, high)
    await submit(few, 5, low)
    await world.workOff()
    const places = ran.flatMap((name, place) => (name.startsWith('few') ? [place] : []))
    expect(places).toHaveLength(5)
    // Each of them after one of the others' at most, from where they begin.
    expect(Math.max(...places)).toBeLessThanOrEqual(10)
    expect(ran.filter((name) => name.startsWith('few'))).toEqual(
      [1, 2, 3, 4, 5].map((job) => `few low ${job}`),
    )
    expect(new Set(ran).size).toBe(105)
  }, 60_000)

  test('and high is for those alone who may', async () => {
    const acme = await world.tenantOf('acme')
    const prefer = 'respond-async'
    const refused = await acme.ask('POST', path, iris, { prefer, ...high })
    expect([refused.status, refused.json.code]).toEqual([403, 'scope_missing'])
    const wrong = await acme.ask('POST', path, iris, { prefer, 'percall-priority': 'urgent' })
    expect([wrong.status, wrong.json.code]).toEqual([422, 'parameter_invalid'])
  })

  test('and know their place, and how long it may take by what was measured', async () => {
    const [acme, other] = [await world.tenantOf('acme'), await world.tenantOf('other')]
    world.state.beforeRun = async () => void vi.setSystemTime(Date.now() + 4_000)
    await submit(acme, 1)
    expect((await acme.job([...names.keys()].at(-1) ?? '')).seconds_left).toBeNull()
    await world.workOff()
    const ids = [await acme.submit(), await acme.submit(low), await acme.submit()]
    for (let job = 0; job < 9; job += 1) await other.submit()
    const workers = world.jobs.workers?.light?.most ?? 1
    const jobs = await Promise.all(ids.map((id) => acme.job(id)))
    const places = jobs.map(({ position }) => position)
    expect(places.sort()).toEqual([0, 1, 2])
    const last = jobs.find(({ priority }) => priority === 'low')
    expect(last.position).toBe(2)
    expect(last.seconds_left).toEqual({
      low: 4 * (Math.floor(2 / workers) + 1),
      // Two own ones before it, and three turns of the other.
      high: 4 * Math.ceil(6 / workers),
    })
  })
})

const submitAs =
  (tenant: JobTenant, key: string): JobTenant['submit'] =>
  async (headers = {}) => {
    const asked = { prefer: 'respond-async', ...headers }
    return (await tenant.as(key)('POST', path, iris, asked)).json.id
  }

describe('the answer to a call that is put off', () => {
  test('tells its place, the time left and that its webhook waits, as its job does a moment later', async () => {
    const acme = await world.tenantOf('acme')
    world.state.beforeRun = async () => void vi.setSystemTime(Date.now() + 4_000)
    await acme.submit()
    await world.workOff()
    await acme.ask('POST', '/v1/webhook-secret', {})
    await acme.submit()
    vi.setSystemTime(Date.now() + 1)
    const headers = { prefer: 'respond-async', 'percall-webhook': 'https://example.com/' }
    const { json } = await acme.ask('POST', path, iris, headers)
    expect(json).toMatchObject({
      position: 1,
      seconds_left: { low: 4, high: expect.any(Number) },
      webhook: { state: 'waiting', attempts: 0, outcome: null },
    })
    expect(await acme.job(json.id)).toEqual(json)
    vi.setSystemTime(Date.now() + 1)
    const plain = await acme.ask('POST', path, iris, { prefer: 'respond-async' })
    expect(plain.json).toMatchObject({ position: 2, webhook: null })
  })

  test('is that it was accepted, also where nothing can be said of its wait', async () => {
    const acme = await world.tenantOf('acme')
    const { calls } = world.jobs
    const { recentRuns } = calls
    Object.assign(calls, { recentRuns: () => Promise.reject(new Error('the store is away')) })
    const { status, json } = await acme.ask('POST', path, iris, { prefer: 'respond-async' })
    Object.assign(calls, { recentRuns })
    expect([status, json.position, json.seconds_left]).toEqual([202, null, null])
    expect((await acme.job(json.id)).position).toBe(0)
  })
})

describe('the time left', () => {
  const waitAmong = async (lane: Lane, workers: JobServices['workers'], isWarm = true) => {
    const acme = await world.tenantOf('acme')
    world.state.beforeRun = async () => void vi.setSystemTime(Date.now() + 4_000)
    await acme.submit()
    await world.workOff()
    for (let job = 0; job < 20; job += 1) await acme.submit(low)
    // Of one moment the turns are anyhow.
    vi.setSystemTime(Date.now() + 1)
    const call = await world.jobs.calls.find(await acme.submit(low))
    if (!call) throw new Error('A call was put off.')
    const waiting: typeof world.jobs.calls.waiting = (query) =>
      world.jobs.calls.waiting({ ...query, lane: 'light' })
    const services = {
      ...world.jobs,
      calls: { ...world.jobs.calls, waiting },
      warmth: { isWarm: async () => isWarm, keep: async () => undefined },
      workers,
    }
    const order = { ...call.order, lane }
    return (await estimateWait({ ...call, order }, services))?.secondsLeft
  }

  test('lies between what all workers take at once and what the first ones take', async () => {
    expect(await waitAmong('light', { light: { least: 5, most: 10 } })).toEqual({
      // Twenty before it: the third turn of ten, or the fifth of five.
      low: 4 * 3,
      high: 4 * 5,
    })
  })

  test('has wide bounds where nobody knows how many workers there are', async () => {
    expect(await waitAmong('light', undefined)).toEqual({ low: 4, high: 4 * 21 })
  })

  test('has no upper bound where an instance must be started first', async () => {
    expect(await waitAmong('heavy', undefined)).toEqual({ low: 4, high: 4 * 21 })
    expect(await waitAmong('heavy', undefined, false)).toEqual({ low: 4 })
  })
})

describe('a heavy model', () => {
  test('is asked in turn unless an instance is warm, whatever the caller prefers', async () => {
    const heavy = await openJobWorld({ heavy: true })
    try {
      const acme = await heavy.tenantOf('acme')
      const first = await acme.ask('POST', path, iris)
      expect([first.status, first.headers['preference-applied']]).toEqual([202, undefined])
      await heavy.workOff('light')
      expect((await acme.job(first.json.id)).state).toBe('queued')
      await heavy.workOff('heavy')
      expect((await acme.job(first.json.id)).state).toBe('succeeded')
      // Whoever has run it has it.
      expect((await acme.ask('POST', path, iris)).status).toBe(200)
      expect((await acme.ask('POST', path, iris, { prefer: 'respond-async' })).status).toBe(202)
    } finally {
      await heavy.close()
    }
  })
})
