import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { iris, type JobTenant, type JobWorld, openJobWorld } from './job-world.ts'

// Each test opens a service of its own, and two CPUs may have several to open.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 })

const path = '/v1/models/iris/predict'
const prefer = 'respond-async'

let world: JobWorld
let acme: JobTenant

beforeEach(async () => {
  // Time stands still unless a test lets it pass.
  vi.useFakeTimers({ toFake: ['Date'] })
  world = await openJobWorld()
  acme = await world.tenantOf('acme')
})
afterEach(async () => {
  await world.close()
  vi.useRealTimers()
})
const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)

const withoutTimings = (text: string) => JSON.stringify({ ...JSON.parse(text), timings: 0 })

describe('a call that prefers to be answered later', () => {
  test('is accepted, and its result is the answer that it would have got', async () => {
    const now = await acme.ask('POST', path, iris)
    const accepted = await acme.ask('POST', path, iris, { prefer })
    expect(accepted.status).toBe(202)
    expect(accepted.headers).toMatchObject({
      location: `/v1/jobs/${accepted.json.id}`,
      'preference-applied': 'respond-async',
      'x-cost-units': '0',
    })
    expect(accepted.json).toMatchObject({ object: 'job', state: 'queued', model: 'iris@1' })
    expect(await acme.charges()).toHaveLength(1)
    await world.workOff()
    const { id } = accepted.json
    expect(await acme.job(id)).toMatchObject({ state: 'succeeded', status: 200, cost_micros: 100 })
    const later = await acme.result(id)
    expect(withoutTimings(later.text)).toBe(withoutTimings(now.text))
    const ofTheCall = ({ headers }: typeof now) => {
      const { 'server-timing': _, 'x-request-id': __, 'cache-control': ___, ...rest } = headers
      return rest
    }
    expect([later.status, ofTheCall(later)]).toEqual([now.status, ofTheCall(now)])
    expect(await acme.charges()).toHaveLength(2)
  })

  test.each(['respond-async', 'wait=10, Respond-Async', 'respond-async; x=1'])(
    'may say so as %s',
    async (prefer) => {
      expect((await acme.ask('POST', path, iris, { prefer })).status).toBe(202)
    },
  )

  test.each(['wait=10', 'respond-asynchronously', 'x="respond-async"'])(
    'is answered at once where it says %s',
    async (prefer) => {
      const answer = await acme.ask('POST', path, iris, { prefer })
      expect([answer.status, answer.headers['preference-applied']]).toEqual([200, undefined])
    },
  )

  test('is put off on the tensor route, too, in the words of that one', async () => {
    const tensor = { name: 'features', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }
    const infer = '/v2/models/iris/infer'
    const accepted = await acme.ask('POST', infer, { inputs: [tensor] }, { prefer })
    expect(accepted.status).toBe(202)
    await world.workOff()
    const now = await acme.ask('POST', infer, { inputs: [tensor] })
    expect((await acme.result(accepted.json.id)).text).toBe(now.text)
  })

  test('is checked before it is put off: what is wrong with it is said at once', async () => {
    const bad = await acme.ask('POST', path, { inputs: [] }, { prefer })
    const unknown = await acme.ask('POST', '/v1/models/nobody/predict', iris, { prefer })
    expect([bad.status, unknown.status]).toEqual([422, 404])
    const nobody = await acme.as('pc_live_nobody')('POST', path, iris, { prefer })
    expect(nobody.status).toBe(401)
    expect((await acme.ask('GET', '/v1/jobs')).json.data).toEqual([])
  })

  test.each([
    ['an unknown parameter', { ...iris, parameters: { tok_k: 1 } }, 'parameter_invalid'],
    ['a parameter out of its range', { ...iris, parameters: { top_k: 0 } }, 'parameter_invalid'],
    ['a row of another width', { inputs: [[1, 2, 3]] }, 'input_invalid'],
    ['a row of no numbers', { inputs: [[1, 2, 3, '4']] }, 'input_invalid'],
    ['more rows than a call takes', { inputs: Array(10_001).fill([1, 2, 3, 4]) }, 'too_many_rows'],
  ])('is refused for %s as it would be when it runs', async (_, body, code) => {
    const [now, later] = [
      await acme.ask('POST', path, body),
      await acme.ask('POST', path, body, { prefer }),
    ]
    const { request_id: _now, ...told } = now.json
    const { request_id: _later, ...foretold } = later.json
    expect(foretold).toEqual(told)
    expect([later.status, later.json.code]).toEqual([now.status, code])
    expect((await acme.ask('GET', '/v1/jobs')).json.data).toEqual([])
    expect(await world.receive()).toEqual([])
  })

  test('counts once against rates: when it comes, not when it runs', async () => {
    const limits = { rate: { perMinute: 60, burst: 2 } }
    const { key } = await acme.keyOf(['predict'], { limits })
    const ask = acme.as(key)
    const statuses = []
    for (let call = 0; call < 3; call += 1) {
      statuses.push((await ask('POST', path, iris, { prefer })).status)
    }
    expect(statuses).toEqual([202, 202, 429])
    await world.workOff()
    const { data } = (await acme.ask('GET', '/v1/jobs')).json
    expect(data.map(({ state }: { state: string }) => state)).toEqual(['succeeded', 'succeeded'])
  })

  test('is paid by the bytes that were sent, though they were compressed', async () => {
    const { gzipSync } = await import('node:zlib')
    const body = gzipSync(JSON.stringify(iris))
    const { key } = await acme.keyOf(['predict'])
    const accepted = await world.endpoint({
      method: 'POST',
      path,
      query: {},
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'x-api-key': key,
        prefer,
      },
      body,
      sourceIp: '203.0.113.7',
    })
    expect(accepted.status).toBe(202)
    await world.workOff()
    const [charge] = await acme.charges()
    expect(charge?.units?.inputBytes).toBe(body.length)
  })
})

describe('the same job under one idempotency key', () => {
  const key = { 'idempotency-key': 'order-7' }

  test('is the same when it comes again, and runs and costs once', async () => {
    const id = await acme.submit(key)
    expect(await acme.submit(key)).toBe(id)
    await world.workOff()
    expect(await acme.submit(key)).toBe(id)
    await world.workOff()
    expect([world.state.runs, (await acme.charges()).length]).toEqual([1, 1])
    expect((await acme.ask('GET', '/v1/jobs')).json.data).toHaveLength(1)
  })

  test('is refused where another request comes under it', async () => {
    await acme.submit(key)
    const other = { inputs: [[1, 2, 3, 4]] }
    const refused = await acme.ask('POST', path, other, { prefer, ...key })
    expect([refused.status, refused.json.code]).toEqual([422, 'idempotency_key_reused'])
  })

  test('is another job of another tenant', async () => {
    const other = await world.tenantOf('other')
    expect(await other.submit(key)).not.toBe(await acme.submit(key))
  })

  test('is one sale with a call that is answered at once, whichever comes first', async () => {
    const id = await acme.submit(key)
    const now = await acme.ask('POST', path, iris, key)
    await world.workOff()
    expect((await acme.result(id)).text).toBe(now.text)
    const again = await acme.ask('POST', path, iris, key)
    expect([again.text, again.headers['idempotency-replayed']]).toEqual([now.text, 'true'])
    expect([world.state.runs, (await acme.charges()).length]).toEqual([1, 1])
  })
})

describe('a job', () => {
  test('of another tenant is not there, in any way', async () => {
    const id = await acme.submit()
    const other = await world.tenantOf('other')
    for (const [method, place] of [
      ['GET', `/v1/jobs/${id}`],
      ['GET', `/v1/jobs/${id}/result`],
      ['POST', `/v1/jobs/${id}/cancel`],
    ] as const) {
      const { status, json } = await other.ask(method, place)
      expect([status, json.code], place).toEqual([404, 'resource_not_found'])
    }
    expect((await other.ask('GET', '/v1/jobs')).json.data).toEqual([])
    expect((await acme.job(id)).state).toBe('queued')
  })

  test('has no result before its end, and says when to ask again', async () => {
    const id = await acme.submit()
    const early = await acme.result(id)
    expect([early.status, early.json.code]).toEqual([409, 'job_not_ended'])
    expect(Number(early.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  })

  test('runs nothing where the key that ordered it was revoked, and costs nothing', async () => {
    const id = await acme.submit()
    const reader = acme.as((await acme.keyOf(['predict'])).key)
    await acme.revoke()
    await world.workOff()
    const { status, json } = await reader('GET', `/v1/jobs/${id}/result`)
    expect([status, json.code]).toEqual([401, 'api_key_revoked'])
    expect((await reader('GET', `/v1/jobs/${id}`)).json.state).toBe('failed')
    expect([world.state.runs, (await acme.charges()).length]).toEqual([0, 0])
  })

  test('runs where its key has expired since: the order came in time', async () => {
    const { key } = await acme.keyOf(['predict'], { expiresInDays: 1 })
    const brief = acme.as(key)
    const accepted = await brief('POST', path, iris, { prefer })
    pass(2 * 86_400_000)
    expect((await brief('POST', path, iris, { prefer })).json.code).toBe('api_key_expired')
    await world.workOff()
    expect(await acme.job(accepted.json.id)).toMatchObject({ state: 'succeeded' })
    expect(await acme.charges()).toHaveLength(1)
  })

  test('runs with what its key may do then, not with what it might when it was ordered', async () => {
    const { summary } = await acme.keyOf(['predict'])
    const { key, summary: narrow } = await acme.keyOf(['predict'])
    const accepted = await acme.as(key)('POST', path, iris, { prefer })
    await world.services.keyStore.change(narrow.id, { models: ['spam'] })
    await world.workOff()
    const { status, json } = await acme.result(accepted.json.id)
    expect([status, json.code, summary.id === narrow.id]).toEqual([403, 'model_not_allowed', false])
  })

  test('that its owner cannot pay fails with the very refusal', async () => {
    const poor = await world.tenantOf('poor', { mode: 'prepaid' })
    const id = await poor.submit()
    await world.workOff()
    const { status, json } = await poor.result(id)
    expect([status, json.code]).toEqual([402, 'credit_exhausted'])
    expect(await poor.job(id)).toMatchObject({ state: 'failed', cost_micros: 0 })
  })

  test('that is refused for now waits and runs again', async () => {
    const small = await world.tenantOf('small', { limits: { concurrency: 1 } })
    const [first, second] = [await small.submit(), await small.submit()]
    const gate = Promise.withResolvers<void>()
    world.state.beforeRun = () => gate.promise
    const [one, other] = await world.receive()
    if (!one || !other) throw new Error('Two messages were sent.')
    const running = world.work(one)
    await vi.waitFor(async () => expect(world.state.runs).toBe(1))
    expect(await world.work(other)).toMatchObject({ againAfterMs: expect.any(Number) })
    const states = await Promise.all([first, second].map(async (id) => (await small.job(id)).state))
    expect(states.sort()).toEqual(['queued', 'running'])
    gate.resolve()
    await running
    pass(2_000)
    await world.workOff()
    for (const id of [first, second]) expect((await small.job(id)).state).toBe('succeeded')
    expect(await small.charges()).toHaveLength(2)
  })

  test('that fails on our side is tried again, and given up in the end, for nothing', async () => {
    world.state.beforeRun = async () => {
      throw new Error('the disk is on fire')
    }
    const id = await acme.submit()
    for (let minute = 0; minute < 5; minute += 1) {
      await world.workOff()
      pass(60_000)
    }
    expect(world.state.runs).toBe(3)
    expect(await acme.job(id)).toMatchObject({ state: 'failed', attempts: 3, cost_micros: 0 })
    expect((await acme.result(id)).status).toBe(500)
    expect((await acme.account())?.held).toBe(0n)
  })

  test('of a model whose file was never made fails at the first attempt, for nothing', async () => {
    const { artifacts, catalog } = world.services
    rmSync(
      join(
        artifacts.location.replace('directory ', ''),
        catalog.find('iris').manifest.artifact.key,
      ),
    )
    const id = await acme.submit()
    await world.workOff()
    expect(await acme.job(id)).toMatchObject({ state: 'failed', attempts: 1, cost_micros: 0 })
    const { status, json } = await acme.result(id)
    expect([status, json.code, json.retryable]).toEqual([502, 'artifact_not_found', false])
  })

  test('that rehearses a failure of test keys gets it', async () => {
    const { key } = await acme.keyOf(['predict'], { mode: 'test' })
    const ask = acme.as(key)
    const accepted = await ask('POST', path, iris, { prefer, 'x-percall-test': '402' })
    await world.workOff()
    expect((await ask('GET', `/v1/jobs/${accepted.json.id}/result`)).status).toBe(402)
  })
})

describe('to cancel a job', () => {
  const cancel = (id: string) => acme.ask('POST', `/v1/jobs/${id}/cancel`)

  test('that is queued means that it never runs and costs nothing', async () => {
    const id = await acme.submit()
    expect(await cancel(id)).toMatchObject({ status: 200, json: { state: 'cancelled' } })
    await world.workOff()
    expect([world.state.runs, (await acme.charges()).length]).toEqual([0, 0])
    const result = await acme.result(id)
    expect([result.status, result.json.code]).toEqual([409, 'job_cancelled'])
    expect((await cancel(id)).json.state).toBe('cancelled')
  })

  test('that runs has its run come to nothing, and cost nothing', async () => {
    const id = await acme.submit()
    world.state.beforeRun = async () => {
      const { json } = await cancel(id)
      expect(json).toMatchObject({ state: 'running', cancel_requested: true })
      // Until the worker has heard of it.
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
    await world.workOff()
    expect(await acme.job(id)).toMatchObject({ state: 'cancelled', cost_micros: null })
    expect([world.state.runs, (await acme.charges()).length]).toEqual([1, 0])
    expect((await acme.account())?.held).toBe(0n)
  }, 40_000)

  test('that is sold before it hears of it delivers what was sold', async () => {
    const id = await acme.submit()
    world.state.beforeRun = async () => void (await cancel(id))
    await world.workOff()
    expect(await acme.job(id)).toMatchObject({ state: 'succeeded', cost_micros: 100 })
    expect((await acme.result(id)).status).toBe(200)
  })

  test('that has ended is too late, and says how it ended', async () => {
    const id = await acme.submit()
    await world.workOff()
    const late = await cancel(id)
    expect([late.status, late.json.code]).toEqual([409, 'job_ended'])
    expect(late.json.detail).toContain('succeeded')
    expect(await acme.charges()).toHaveLength(1)
  })
})
