import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createWebhookWorker } from '#shared/endpoints/webhook-worker.ts'
import { claimCall } from '#shared/jobs/claim-call.ts'
import { type AwsServers, startAwsServers } from '#test/servers/aws-servers.ts'
import { whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { startHookServer } from './hook-server.ts'
import { iris, type JobTenant, type JobWorld, openJobWorld } from './job-world.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const missing = whyNoDynamoDbLocal()

describe.skipIf(missing)(`jobs on SQS, S3 and DynamoDB ${missing ?? ''}`, () => {
  let aws: AwsServers
  let world: JobWorld
  let acme: JobTenant

  beforeAll(async () => {
    aws = await startAwsServers()
    const { environment: variables } = await aws.deploy()
    world = await openJobWorld({ variables })
    acme = await world.tenantOf('acme')
  })
  afterAll(async () => {
    await world?.close()
    await aws?.stop()
  })

  const path = '/v1/models/iris/predict'
  const withoutTimings = (text: string) => JSON.stringify({ ...JSON.parse(text), timings: 0 })

  test('a call is put off, run once and answered as it would have been', async () => {
    const now = await acme.ask('POST', path, iris)
    const key = { 'idempotency-key': 'once' }
    const [id, again] = [await acme.submit(key), await acme.submit(key)]
    expect(again).toBe(id)
    const before = world.state.runs
    await world.workOff()
    await world.workOff()
    const result = await acme.result(id)
    expect([result.status, withoutTimings(result.text)]).toEqual([200, withoutTimings(now.text)])
    expect([world.state.runs - before, (await acme.charges()).length]).toEqual([1, 2])
    expect(await acme.job(id)).toMatchObject({ state: 'succeeded', attempts: 1, cost_micros: 100 })
    const other = await acme.ask(
      'POST',
      path,
      { inputs: [[1, 2, 3, 4]] },
      {
        prefer: 'respond-async',
        ...key,
      },
    )
    expect(other.status).toBe(422)
  })

  test('the job of a worker that died is done by another, at one charge', async () => {
    const sold = (await acme.charges()).length
    const id = await acme.submit()
    const claim = await claimCall(id, 1, world.jobs)
    if (claim.kind !== 'claimed') throw new Error('It could not be taken.')
    const { call } = claim
    const run = { fence: 'of the dead', startedAt: Date.now() - 1, leaseUntil: Date.now() - 1 }
    expect(await world.jobs.calls.replace({ ...call, revision: call.revision + 1, run })).toBe(true)
    await world.workOff()
    expect(await acme.job(id)).toMatchObject({ state: 'succeeded', attempts: 2 })
    expect(await acme.charges()).toHaveLength(sold + 1)
  })

  test('a job that is cancelled never runs', async () => {
    const runs = world.state.runs
    const id = await acme.submit()
    expect((await acme.ask('POST', `/v1/jobs/${id}/cancel`)).json.state).toBe('cancelled')
    await world.workOff()
    expect(world.state.runs).toBe(runs)
  })

  test('its end is told to who wants to hear it', async () => {
    const server = await startHookServer()
    try {
      await acme.ask('POST', '/v1/webhook-secret', {})
      const id = await acme.submit({ 'percall-webhook': server.url })
      await world.workOff()
      const queue = world.jobs.queues.webhook
      const [delivery] = await queue.receive({ limit: 1, visibilityMs: 30_000, waitMs: 5_000 })
      expect(await createWebhookWorker({ jobs: world.jobs })(delivery?.body ?? '')).toBe('done')
      expect(server.hooks.map(({ headers }) => headers['webhook-id'])).toEqual([id])
      expect((await acme.job(id)).webhook.state).toBe('delivered')
    } finally {
      await server.stop()
    }
  })

  test('the list has all of them, newest first', async () => {
    const { data } = (await acme.ask('GET', '/v1/jobs')).json
    const times = data.map(({ created_at }: { created_at: string }) => created_at)
    expect(times).toHaveLength(4)
    expect(times).toEqual([...times].sort().reverse())
  })
})
