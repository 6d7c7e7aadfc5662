import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readEnvironment } from '#shared/config/environment.ts'
import { catalogEndpoint } from '#shared/endpoints/catalog-endpoint.ts'
import { heavyEndpoint } from '#shared/endpoints/heavy-endpoint.ts'
import { type LocalServices, localServices } from '#shared/endpoints/local-services.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'

const sample = readFileSync('models/text-detection/sample.json', 'utf8')
const path = '/v1/models/text-detection/predict'
const json = { 'content-type': 'application/json' }
const key = { 'x-api-key': 'a-development-key-of-tests' }

let home: string
let services: LocalServices
let door: Endpoint

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'percall-heavy-'))
  const environment = readEnvironment({
    PERCALL_HOME: home,
    PERCALL_DEV_KEY: key['x-api-key'],
    PERCALL_LOG: 'silent',
  })
  services = await localServices({ environment, runner: 'inline' })
  const runs = async () => {
    throw new Error('It was run.')
  }
  const runner = { predict: runs, infer: runs, load: runs, ready: runs, close: runs }
  door = heavyEndpoint({ ...services, runner })
})
afterAll(async () => {
  await services.close()
  rmSync(home, { recursive: true })
})

async function ask(
  endpoint: Endpoint,
  method: string,
  path: string,
  body: string | Uint8Array = '',
  headers: Record<string, string> = { ...json, ...key },
) {
  const answer = await endpoint({
    method,
    path,
    query: {},
    headers,
    body: Buffer.from(body as string),
    sourceIp: '203.0.113.7',
  })
  return { ...answer, json: JSON.parse(Buffer.from(answer.body).toString()) }
}
const waiting = async () => {
  const { queues } = await services.openJobs()
  const found = await queues.heavy.receive({ limit: 10, visibilityMs: 30_000 })
  await Promise.all(found.map((one) => queues.heavy.remove(one)))
  return found.map(({ body }) => JSON.parse(body))
}

describe('the door of heavy models', () => {
  it.each([
    ['its name', path],
    ['an alias', '/v1/models/text-detection@stable/predict'],
    ['its version', '/v1/models/text-detection@1/predict'],
  ])('puts a call by %s off, and says where its answer will be', async (_, path) => {
    const answer = await ask(door, 'POST', path, sample)
    expect([answer.status, answer.json.state]).toEqual([202, 'queued'])
    expect(answer.headers.location).toBe(`/v1/jobs/${answer.json.id}`)
    const { calls } = await services.openJobs()
    expect((await calls.find(answer.json.id))?.order).toMatchObject({
      model: 'text-detection@1',
      lane: 'heavy',
    })
    expect(await waiting()).toHaveLength(1)
  })

  it('puts calls with tensors off, too', async () => {
    const data = `[${'0,'.repeat(3 * 960 * 960 - 1)}0]`
    const input = `{"name": "x", "datatype": "FP32", "shape": [1, 3, 960, 960], "data": ${data}}`
    const infer = '/v2/models/text-detection/versions/1/infer'
    expect((await ask(door, 'POST', infer, `{"inputs": [${input}]}`)).status).toBe(202)
    expect(await waiting()).toHaveLength(1)
  })

  it('puts them off even while an instance is warm: that has an address of its own', async () => {
    const { warmth } = await services.openJobs()
    await warmth.keep('text-detection@1', 1e9)
    expect((await ask(door, 'POST', path, sample)).status).toBe(202)
    expect(await waiting()).toHaveLength(1)
  })

  it.each([
    ['a caller without a key', sample, json, 401, 'credentials_missing'],
    ['what is no JSON', '{', { ...json, ...key }, 400, 'json_invalid'],
    ['no image at all', '{"inputs": []}', { ...json, ...key }, 422, 'input_invalid'],
    ['no base64', '{"inputs": "?"}', { ...json, ...key }, 422, 'input_invalid'],
    [
      'an unknown parameter',
      sample.replace('{', '{"parameters": {"x": 1}, '),
      { ...json, ...key },
      422,
      'parameter_invalid',
    ],
    [
      'bytes of no image',
      'text',
      { 'content-type': 'image/png', ...key },
      415,
      'image_type_unsupported',
    ],
  ] as const)('refuses %s at once', async (_, body, headers, status, code) => {
    const answer = await ask(door, 'POST', path, body, headers)
    expect([answer.status, answer.json.code]).toEqual([status, code])
    expect(await waiting()).toEqual([])
  })

  it('tells what a model takes, and that it takes calls', async () => {
    const metadata = await ask(door, 'GET', '/v2/models/text-detection')
    expect(metadata.json.inputs).toMatchObject([{ name: 'x', shape: [-1, 3, 960, 960] }])
    const ready = await ask(door, 'GET', '/v2/models/text-detection/ready')
    expect([ready.status, ready.json.ready]).toEqual([200, true])
  })

  it('serves no model that is not heavy', async () => {
    expect((await ask(door, 'POST', '/v1/models/iris/predict', '{}')).status).toBe(404)
    expect((await ask(door, 'DELETE', '/v2/models/text-detection')).status).toBe(405)
  })
})

it('a stage without a place for heavy models says so, and which parameter gives one', async () => {
  const answer = await ask(catalogEndpoint(services), 'POST', path, sample)
  expect([answer.status, answer.json.code]).toEqual([404, 'route_not_found'])
  expect(answer.json.detail).toContain('text-detection is a heavy model')
  expect(answer.json.fix).toContain('heavy=lambda')
})
