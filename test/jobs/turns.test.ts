import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
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
    const workers = world.jobs.workers ?? 1
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
