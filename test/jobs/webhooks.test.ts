import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createWebhookWorker } from '#shared/endpoints/webhook-worker.ts'
import { attendCalls } from '#shared/jobs/attend-calls.ts'
import { startHookServer } from './hook-server.ts'
import { iris, type JobTenant, type JobWorld, openJobWorld } from './job-world.ts'

// Each test opens a service of its own, and two CPUs may have several to open.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 40_000 })

const path = '/v1/models/iris/predict'
const prefer = 'respond-async'

let world: JobWorld
let acme: JobTenant
let server: Awaited<ReturnType<typeof startHookServer>>
let status: number

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  status = 200
  server = await startHookServer(undefined, (outgoing) => void outgoing.writeHead(status).end())
  world = await openJobWorld()
  acme = await world.tenantOf('acme')
})
afterEach(async () => {
  await world.close()
  await server.stop()
  vi.useRealTimers()
})
const pass = (ms: number) => vi.setSystemTime(Date.now() + ms)
const makeSecret = async (headers = {}) => {
  const made = await acme.ask('POST', '/v1/webhook-secret', {}, headers)
  expect(made.status, made.text).toBe(201)
  return made.json.secret as string
}
const submit = () => acme.submit({ 'percall-webhook': server.url })
/** Handles what messages of webhooks there are, once each. */
async function notify() {
  const queue = world.jobs.queues.webhook
  const handle = createWebhookWorker({ jobs: world.jobs })
  const deliveries = await queue.receive({ limit: 10, visibilityMs: 30_000 })
  for (const delivery of deliveries) {
    const handled = await handle(delivery.body)
    if (handled === 'done') await queue.remove(delivery)
    else await queue.hide(delivery, handled.againAfterMs)
  }
  return deliveries.length
}

/** As the specification of Standard Webhooks says it, by hand. */
function verified(secret: string, { headers, body }: (typeof server.hooks)[number]): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const signature = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
  return String(headers['webhook-signature']).split(' ').includes(signature)
}

describe('whoever asks for it is told of the end of a job', () => {
  test('once it has ended, signed, with the job as the API shows it', async () => {
    const secret = await makeSecret()
    const id = await submit()
    await notify()
    expect(server.hooks).toEqual([])
    await world.workOff()
    await notify()
    const [hook] = server.hooks
    if (!hook) throw new Error('Nobody was told.')
    expect(verified(secret, hook)).toBe(true)
    expect(hook.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
    })
    const job = await acme.job(id)
    expect(job.webhook).toEqual({ state: 'delivered', attempts: 1, outcome: '200' })
    const told = { ...job, webhook: { state: 'pending', attempts: 0, outcome: null } }
    expect(JSON.parse(hook.body)).toEqual({
      type: 'job.succeeded',
      timestamp: job.ended_at,
      data: told,
    })
    expect(await notify()).toBe(0)
  })

  test('also where it has failed or was cancelled', async () => {
    await makeSecret()
    const cancelled = await submit()
    await acme.ask('POST', `/v1/jobs/${cancelled}/cancel`)
    const failed = await submit()
    await acme.revoke()
    await world.workOff()
    await notify()
    const told = server.hooks.map(({ body }) => JSON.parse(body))
    expect(told.map(({ type, data }) => [type, data.id]).sort()).toEqual(
      [
        ['job.cancelled', cancelled],
        ['job.failed', failed],
      ].sort(),
    )
  })

  test('once where the message of it comes twice', async () => {
    await makeSecret()
    const id = await submit()
    await world.workOff()
    const message = { body: JSON.stringify({ call: id }), group: 'acme' }
    await world.jobs.queues.webhook.send([message, message])
    await notify()
    pass(3_600_000)
    expect(await notify()).toBe(0)
    expect(server.hooks).toHaveLength(1)
  })

  test('again and again where the receiver fails, at growing distances, until it does not', async () => {
    await makeSecret()
    const id = await submit()
    await world.workOff()
    status = 503
    const waits: number[] = []
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      const since = Date.now()
      while (server.hooks.length < attempt) {
        await notify()
        if (server.hooks.length < attempt) pass(1_000)
      }
      waits.push(Date.now() - since)
    }
    const [first = 0, ...later] = waits
    expect(first).toBe(0)
    for (const [at, least] of [3_750, 22_500, 90_000].entries()) {
      expect(later[at]).toBeGreaterThanOrEqual(least)
      expect(later[at]).toBeLessThanOrEqual((least / 3) * 5 + 1_000)
    }
    const { webhook } = await acme.job(id)
    expect(webhook).toEqual({ state: 'pending', attempts: 4, outcome: '503' })
    status = 204
    pass(1_000_000)
    await notify()
    expect((await acme.job(id)).webhook).toMatchObject({ state: 'delivered', attempts: 5 })
    expect(new Set(server.hooks.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  }, 30_000)

  test('nine times at most, over hours, and the failure stays to be seen', async () => {
    await makeSecret()
    const id = await submit()
    await world.workOff()
    status = 500
    const since = Date.now()
    for (let hour = 0; hour < 24; hour += 0.25) {
      await notify()
      pass(900_000)
    }
    expect(server.hooks).toHaveLength(9)
    expect((await acme.job(id)).webhook).toEqual({ state: 'failed', attempts: 9, outcome: '500' })
    const last = Number(server.hooks.at(-1)?.headers['webhook-timestamp']) * 1_000
    expect(last - since).toBeGreaterThan(5 * 3_600_000)
    // The job itself has succeeded all the same.
    expect((await acme.job(id)).state).toBe('succeeded')
  })

  test('never again where the receiver says that it is gone', async () => {
    await makeSecret()
    const id = await submit()
    await world.workOff()
    status = 410
    await notify()
    pass(86_400_000)
    await notify()
    expect(server.hooks).toHaveLength(1)
    expect((await acme.job(id)).webhook).toMatchObject({ state: 'failed', outcome: '410' })
  })

  test('though the message of it was lost', async () => {
    await makeSecret()
    await submit()
    await world.workOff()
    const queue = world.jobs.queues.webhook
    for (const lost of await queue.receive({ limit: 9, visibilityMs: 1 })) await queue.remove(lost)
    pass(600_000)
    await attendCalls(world.jobs)
    await notify()
    expect(server.hooks).toHaveLength(1)
  })
})

describe('what a webhook needs', () => {
  test('is a secret: without one the call is refused', async () => {
    const headers = { prefer, 'percall-webhook': server.url }
    const refused = await acme.ask('POST', path, iris, headers)
    expect([refused.status, refused.json.code]).toEqual([409, 'webhook_secret_missing'])
  })

  test('is an address that may be called: another is refused before anything is stored', async () => {
    await makeSecret()
    for (const url of ['https://169.254.169.254/', 'http://10.0.0.1/', 'https://a.example:22/']) {
      const refused = await acme.ask('POST', path, iris, { prefer, 'percall-webhook': url })
      expect([refused.status, refused.json.code], url).toEqual([422, 'webhook_refused'])
      expect(refused.text).not.toContain(url)
    }
    expect((await acme.ask('GET', '/v1/jobs')).json.data).toEqual([])
  })
})

describe('the secret of a tenant', () => {
  test('is shown once, and never again', async () => {
    const secret = await makeSecret()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const told = await acme.ask('GET', '/v1/webhook-secret')
    expect(told.json).toEqual({
      object: 'webhook_secret',
      created_at: new Date().toISOString(),
      previous_until: null,
    })
  })

  test('is another one of another tenant, and each time it is made anew', async () => {
    const other = await world.tenantOf('other')
    const missing = await other.ask('GET', '/v1/webhook-secret')
    expect(missing.status).toBe(404)
    const made = [await makeSecret(), await makeSecret()]
    made.push((await other.ask('POST', '/v1/webhook-secret', {})).json.secret)
    expect(new Set(made).size).toBe(3)
  })

  test('is the same where the request comes twice under one key', async () => {
    const key = { 'idempotency-key': 'first' }
    expect(await makeSecret(key)).toBe(await makeSecret(key))
    expect((await acme.ask('GET', '/v1/webhook-secret')).json.previous_until).toBeNull()
  })

  test('signs for a day beside the one that takes its place, and not a moment longer', async () => {
    const old = await makeSecret()
    const current = await makeSecret()
    const latest = async () => {
      await submit()
      await world.workOff()
      await notify()
      const hook = server.hooks.at(-1)
      if (!hook) throw new Error('Nobody was told.')
      return [old, current].map((secret) => verified(secret, hook))
    }
    expect(await latest()).toEqual([true, true])
    pass(86_400_000 - 1)
    expect(await latest()).toEqual([true, true])
    pass(1)
    expect(await latest()).toEqual([false, true])
  })

  test('is made by who may change the account, and by nobody else', async () => {
    const reader = acme.as((await acme.keyOf(['predict', 'account:read'])).key)
    expect((await reader('POST', '/v1/webhook-secret', {})).status).toBe(403)
    expect(
      (await acme.as((await acme.keyOf(['predict'])).key)('GET', '/v1/webhook-secret')).status,
    ).toBe(403)
  })
})
