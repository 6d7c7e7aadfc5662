import { SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { type LambdaHost, startLambdaHost } from '#test/hosts/lambda-host.ts'
import { startHookServer } from '#test/jobs/hook-server.ts'
import { type LocalAws, startLocalAws } from '#test/servers/local-aws.ts'
import { type EventSource, startEventSource } from './event-source.ts'

const path = '/v1/models/iris/predict'
const body = '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}'

describe('jobs on AWS', () => {
  let aws: LocalAws
  let host: LambdaHost
  let ledger: Ledger
  let apiKey: string
  let client: SQSClient
  let sources: EventSource[]
  let hooks: Awaited<ReturnType<typeof startHookServer>>

  beforeAll(async () => {
    aws = await startLocalAws()
    hooks = await startHookServer()
    const deployed = await aws.deploy()
    const { environment, keyStore, pepper } = deployed
    ledger = deployed.ledger
    await ledger.putAccount({ tenant: 'acme', currency: 'USD', mode: 'postpaid', limits: {} })
    const manager = createKeyManager({ keyStore, pepper, tenant: 'acme' })
    const scopes = ['predict', 'account:write']
    apiKey = (await manager.create({ name: 'tests', mode: 'live', scopes })).key
    host = startLambdaHost({ ...environment, PERCALL_WEBHOOKS: 'local' })
    client = new SQSClient({
      region: environment.AWS_REGION ?? '',
      endpoint: environment.AWS_ENDPOINT_URL_SQS ?? '',
      credentials: { accessKeyId: 'tests', secretAccessKey: 'tests' },
    })
    const queues = environment.PERCALL_QUEUES?.replace('sqs:', '') ?? ''
    const sourceOf = (queue: string, name: string) =>
      startEventSource({
        client,
        queueUrl: `${queues}${queue}`,
        target: host.functionOf(name),
        concurrency: 1,
      })
    sources = [sourceOf('calls', 'jobs-run'), sourceOf('webhooks', 'jobs-notify')]
  })
  afterAll(async () => {
    await Promise.all(sources?.map((source) => source.stop()) ?? [])
    client?.destroy()
    await host?.stop()
    await hooks?.stop()
    await aws?.stop()
  })

  async function ask(method: string, path: string, sent = '', more: Record<string, string> = {}) {
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json', ...more }
    const answer = await host.request({ method, path, headers, body: sent })
    return { ...answer, json: JSON.parse(Buffer.from(answer.body).toString()) }
  }
  const logs = () =>
    ['jobs-run', 'jobs-notify'].map((name) => host.functionOf(name).logs()).join('')

  it('puts a call off, runs it in another function, and tells of its end', async () => {
    expect((await ask('POST', '/v1/webhook-secret', '{}')).status).toBe(201)
    const accepted = await ask('POST', path, body, {
      prefer: 'respond-async',
      'percall-webhook': hooks.url,
    })
    expect(accepted.status, JSON.stringify(accepted.json)).toBe(202)
    const { id } = accepted.json
    expect(accepted.headers.location).toBe(`/v1/jobs/${id}`)
    await vi.waitFor(
      async () => expect((await ask('GET', `/v1/jobs/${id}`)).json.state, logs()).toBe('succeeded'),
      { timeout: 40_000, interval: 500 },
    )
    const result = await ask('GET', `/v1/jobs/${id}/result`)
    const now = await ask('POST', path, body)
    expect([result.status, result.json.outputs]).toEqual([200, now.json.outputs])
    expect(await ledger.account('acme')).toMatchObject({ spent: 200n, held: 0n })
    await vi.waitFor(() => expect(hooks.hooks, logs()).toHaveLength(1), { timeout: 30_000 })
    expect(hooks.hooks[0]?.headers['webhook-id']).toBe(id)
  })

  it('keeps what it has done apart from what it does every minute', async () => {
    const { failure, payload } = await host
      .functionOf('jobs-notify')
      .invoke({ source: 'aws.events' })
    expect([failure, payload]).toEqual([undefined, null])
  })
})
