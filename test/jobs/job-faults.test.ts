import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ServiceError } from '#shared/errors/service-error.ts'
import { attendCalls } from '#shared/jobs/attend-calls.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { type JobTenant, type JobWorld, openJobWorld, visibilityMs } from './job-world.ts'

// Each test opens a service of its own, and two CPUs may have several to open.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 })

let world: JobWorld
let acme: JobTenant
let faults: (jobs: JobServices) => JobServices

beforeEach(async () => {
  // Time stands still unless a test lets it pass.
  vi.useFakeTimers({ toFake: ['Date'] })
  faults = (jobs) => jobs
  world = await openJobWorld({ weather: (jobs) => faults(jobs) })
  acme = await world.tenantOf('acme')
})
afterEach(async () => {
  await world.close()
  vi.useRealTimers()
})
const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)

describe('whatever becomes of messages and workers', () => {
  test('a message that is delivered twice at once runs and costs once', async () => {
    const id = await acme.submit()
    const [delivery] = await world.receive()
    if (!delivery) throw new Error('A message was sent.')
    await Promise.all([world.work(delivery), world.work(delivery), world.work(delivery)])
    await world.work(delivery)
    expect(await acme.job(id)).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect([world.state.asked, world.state.runs]).toEqual([1, 1])
    expect(await acme.charges()).toHaveLength(1)
  })

  test('a message that comes again while its job runs leaves it alone', async () => {
    const id = await acme.submit()
    const gate = Promise.withResolvers<void>()
    world.state.beforeRun = () => gate.promise
    const [delivery] = await world.receive()
    if (!delivery) throw new Error('A message was sent.')
    const running = world.work(delivery)
    await vi.waitFor(() => expect(world.state.runs).toBe(1))
    expect(await world.work({ ...delivery, receives: 2 })).toMatchObject({
      againAfterMs: expect.any(Number),
    })
    expect(await acme.job(id)).toMatchObject({ state: 'running', attempts: 1 })
    gate.resolve()
    await running
    expect([world.state.asked, (await acme.charges()).length]).toEqual([1, 1])
  })

  test('messages out of turn run every job once', async () => {
    const ids = []
    for (let job = 0; job < 6; job += 1) ids.push(await acme.submit())
    const deliveries = await world.receive()
    for (const delivery of deliveries.reverse()) await world.work(delivery)
    for (const id of ids) expect((await acme.job(id)).state).toBe('succeeded')
    expect([world.state.runs, (await acme.charges()).length]).toEqual([6, 6])
  })

  test('the job of a worker that died runs again, at one charge', async () => {
    const id = await acme.submit()
    const dying = Promise.withResolvers<void>()
    world.state.beforeRun = () => dying.promise
    const [lost] = await world.receive()
    if (!lost) throw new Error('A message was sent.')
    const ghost = world.work(lost)
    await vi.waitFor(() => expect(world.state.runs).toBe(1))
    world.state.beforeRun = async () => {}
    // Nobody has heard of it for as long as its message is hidden.
    pass(visibilityMs)
    await world.workOff()
    expect(await acme.job(id)).toMatchObject({ state: 'succeeded', attempts: 2 })
    const result = await acme.result(id)
    const done = await world.jobs.calls.find(id)
    // The one that was thought dead comes back: what it has is nobody's.
    dying.resolve()
    await ghost
    expect(await world.jobs.calls.find(id)).toEqual(done)
    expect((await acme.result(id)).text).toBe(result.text)
    expect([world.state.runs, (await acme.charges()).length]).toEqual([2, 1])
    expect((await acme.account())?.held).toBe(0n)
  })

  test('a worker that is sold but cannot say so is followed by one that gets the same answer', async () => {
    const id = await acme.submit()
    faults = (jobs) => ({
      ...jobs,
      objects: {
        ...jobs.objects,
        async put() {
          throw new ServiceError('store_unavailable')
        },
      },
    })
    await world.workOff()
    expect(await acme.job(id)).toMatchObject({ state: 'running' })
    expect(await acme.charges()).toHaveLength(1)
    faults = (jobs) => jobs
    for (let second = 0; second < 40; second += 1) {
      pass(1_000)
      await world.workOff()
    }
    expect(await acme.job(id)).toMatchObject({ state: 'succeeded', cost_micros: 100 })
    expect((await acme.result(id)).headers['idempotency-replayed']).toBeUndefined()
    expect([world.state.runs, (await acme.charges()).length]).toEqual([1, 1])
  })

  test.each(['find', 'replace', 'waiting'] as const)(
    'a store that fails at "%s" now and then delays a job and does nothing else',
    async (operation) => {
      const ids = [await acme.submit(), await acme.submit()]
      let calls = 0
      faults = (jobs) => ({
        ...jobs,
        calls: {
          ...jobs.calls,
          async [operation](...about: never[]) {
            calls += 1
            // Ever less often, or nothing would ever come of it.
            if (Number.isInteger(Math.sqrt(calls))) throw new ServiceError('store_unavailable')
            return Reflect.apply(jobs.calls[operation], undefined, about)
          },
        },
      })
      for (let round = 0; round < 60; round += 1) {
        await world.workOff()
        pass(2_000)
        if (round % 10 === 9) await attendCalls(world.jobs)
      }
      for (const id of ids) expect((await acme.job(id)).state).toBe('succeeded')
      expect(calls).toBeGreaterThan(2)
      expect(await acme.charges()).toHaveLength(2)
    },
  )

  test('a message that is lost is sent again, once in a while', async () => {
    const id = await acme.submit()
    const [lost] = await world.receive()
    if (lost) await world.jobs.queues.light.remove(lost)
    await attendCalls(world.jobs)
    expect(await world.receive()).toEqual([])
    pass(600_000)
    await attendCalls(world.jobs)
    await attendCalls(world.jobs)
    expect(await world.receive()).toHaveLength(1)
    pass(visibilityMs)
    await world.workOff()
    expect((await acme.job(id)).state).toBe('succeeded')
  })

  test('a job and all its bytes are forgotten a week after its end, and no earlier', async () => {
    const id = await acme.submit()
    await world.workOff()
    const bytes = async () =>
      (await world.jobs.objects.list(`calls/${id}/`, { limit: 9 })).objects.length
    pass(7 * 86_400_000 - 1)
    await attendCalls(world.jobs)
    expect([(await acme.result(id)).status, await bytes()]).toEqual([200, 2])
    pass(1)
    await attendCalls(world.jobs)
    expect([(await acme.result(id)).status, await bytes()]).toEqual([404, 0])
  })
})
