import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'

let service: LocalService
beforeAll(async () => {
  service = await startLocalService()
})
afterAll(() => service.stop())

const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }
const tensor = { name: 'features', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }
const bodyOf = async (response: Response) => ({
  status: response.status,
  ...((await response.json()) as object),
})

describe('the plain call', () => {
  test('answers what a person asks', async () => {
    expect(await bodyOf(await service.post('/v1/models/iris/predict', iris))).toStrictEqual({
      status: 200,
      model: 'iris',
      version: '1',
      outputs: [
        [
          { label: 'setosa', score: 1 },
          { label: 'versicolor', score: 0 },
          { label: 'virginica', score: 0 },
        ],
      ],
      timings: {
        prepare_ms: expect.any(Number),
        run_ms: expect.any(Number),
        interpret_ms: expect.any(Number),
      },
    })
  })

  test('takes a version, an alias, the latest and an encoded @', async () => {
    for (const name of ['iris@1', 'iris@stable', 'iris@latest', 'iris%40stable']) {
      expect((await service.post(`/v1/models/${name}/predict`, iris)).status).toBe(200)
    }
  })

  test('takes a compressed body', async () => {
    const response = await service.request('/v1/models/iris/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify(iris)),
    })
    expect(response.status).toBe(200)
  })
})

describe('the Open Inference Protocol', () => {
  const infer = (body: object, path = '/v2/models/iris/infer') => service.post(path, body)

  test('answers with all outputs, or those asked for', async () => {
    const id = '7'
    const all = await bodyOf(await infer({ id, inputs: [tensor] }))
    expect(all).toStrictEqual({
      status: 200,
      id,
      model_name: 'iris',
      model_version: '1',
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [1], data: [0] },
        { name: 'probabilities', datatype: 'FP32', shape: [1, 3], data: [1, 0, 0] },
      ],
    })
    const turned = [{ name: 'probabilities' }, { name: 'label' }]
    expect(await bodyOf(await infer({ inputs: [tensor], outputs: turned }))).toMatchObject({
      outputs: turned,
    })
    expect((await infer({ inputs: [tensor] }, '/v2/models/iris/versions/1/infer')).status).toBe(200)
  })

  test('takes text', async () => {
    const text = { name: 'text', datatype: 'BYTES', shape: [2], data: ['free prize', 'hello'] }
    const answer = await bodyOf(await infer({ inputs: [text] }, '/v2/models/spam/infer'))
    expect(answer).toMatchObject({ outputs: [{ name: 'probabilities', shape: [2, 2] }] })
  })

  test('tells of server, models and tensors, and that they are ready', async () => {
    const get = async (path: string) => bodyOf(await service.request(path))
    expect(await get('/v2')).toMatchObject({ name: 'percall', extensions: [] })
    expect(await get('/v2/health/live')).toMatchObject({ live: true })
    expect(await get('/v2/health/ready')).toMatchObject({ live: true, ready: true })
    expect(await get('/v2/models')).toMatchObject({ models: ['iris', 'spam'] })
    expect(await get('/v2/models/iris')).toMatchObject({ name: 'iris', versions: ['1'] })
    expect(await get('/v2/models/iris/ready')).toMatchObject({ name: 'iris', ready: true })
    expect(await get('/v2/models/spam/versions/1/ready')).toMatchObject({ ready: true })
  })
})

describe('the catalogue', () => {
  test('lists the models for several kinds of client', async () => {
    expect(await bodyOf(await service.request('/v1/models'))).toMatchObject({
      object: 'list',
      models: ['iris', 'spam'],
      data: [{ id: 'iris', object: 'model', created: expect.any(Number), owned_by: 'percall' }, {}],
    })
  })

  test('gives a sample of every model that works as it stands', async () => {
    for (const name of ['iris', 'spam']) {
      const card = (await bodyOf(await service.request(`/v1/models/${name}`))) as unknown as {
        sample: object
        expected: unknown
      }
      const { outputs } = (await (
        await service.post(`/v1/models/${name}/predict`, card.sample)
      ).json()) as { outputs: unknown }
      expect(JSON.stringify(outputs).slice(0, 20)).toBe(JSON.stringify(card.expected).slice(0, 20))
    }
  })

  test('is open where it says that it is alive and what its routes are', async () => {
    for (const path of ['/', '/openapi.json', '/v2', '/v2/health/live', '/v2/health/ready']) {
      expect((await fetch(service.url + path)).status).toBe(200)
    }
  })
})

describe('what is refused', () => {
  const call = '/v1/models/iris/predict'
  test.each([
    ['an unknown model', '/v1/models/rose/predict', iris, 404, 'model_not_found'],
    ['an unknown version', '/v1/models/iris@9/predict', iris, 404, 'version_not_found'],
    ['an unknown path', '/v1/models/iris/guess', iris, 404, 'route_not_found'],
    ['text for a table', call, { inputs: 'setosa' }, 422, 'input_invalid'],
    ['too many columns', call, { inputs: [[1, 2, 3, 4, 5]] }, 422, 'input_invalid'],
    ['an unknown parameter', call, { ...iris, parameters: { x: 1 } }, 422, 'parameter_invalid'],
    ['too many rows', call, { inputs: Array(257).fill([1, 2, 3, 4]) }, 422, 'too_many_rows'],
  ])('%s', async (_, path, body, status, code) => {
    expect(await bodyOf(await service.post(path, body))).toMatchObject({ status, code })
  })

  test.each([
    ['an unknown model', '/v2/models/rose/infer', [tensor], 404, 'model_not_found'],
    ['an unknown version', '/v2/models/iris/versions/9/infer', [tensor], 404, 'version_not_found'],
    ['a missing tensor', '/v2/models/iris/infer', [], 400, 'tensor_missing'],
    ['a wrong shape', '/v2/models/iris/infer', [{ ...tensor, shape: [-1, 4] }], 400, 'shape_wrong'],
  ])('%s, in the Open Inference Protocol', async (_, path, inputs, status, code) => {
    const response = await service.post(path, { inputs })
    expect(response.status).toBe(status)
    expect(await response.json()).toStrictEqual({ error: expect.stringContaining(code) })
  })

  test('6 MB of [', async () => {
    const body = '['.repeat(6_000_000)
    const headers = { 'content-type': 'application/json' }
    const response = await service.request(call, { method: 'POST', headers, body })
    expect(await bodyOf(response)).toMatchObject({ status: 400, code: 'json_too_deep' })
  })

  test('a body past the limit', async () => {
    const body = ' '.repeat(6_000_001)
    const headers = { 'content-type': 'application/json' }
    const response = await service.request(call, { method: 'POST', headers, body })
    expect(await bodyOf(response)).toMatchObject({ status: 413, code: 'payload_too_large' })
  })

  test('a wrong content type', async () => {
    const headers = { 'content-type': 'text/plain' }
    const response = await service.post(call, iris, headers)
    expect(await bodyOf(response)).toMatchObject({ status: 415, code: 'unsupported_media_type' })
  })

  test('a wrong method, saying which would be right', async () => {
    const response = await service.request(call)
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
  })

  test.each([
    ['no key', {}, 'credentials_missing'],
    ['a malformed key', { authorization: 'Bearer pc_live_nonsense' }, 'api_key_malformed'],
    ['a token where none are taken', { authorization: 'Bearer a.b.c' }, 'token_invalid'],
  ])('%s', async (_, headers, code) => {
    const response = await fetch(`${service.url}/v1/models`, { headers })
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="percall"')
    expect(await bodyOf(response)).toMatchObject({ status: 401, code })
  })
})

test('logs no key and no input of a real call', async () => {
  const canary = 'canary-4711'
  await service.post('/v1/models/spam/predict', { inputs: `${canary} prize` })
  await service.post('/v1/models/iris/predict', { inputs: canary })
  await fetch(`${service.url}/v1/models`, { headers: { authorization: `Bearer ${canary}` } })
  const lines = service.log.join('\n')
  expect(lines).toContain('"model":"spam"')
  expect(lines).not.toContain(canary)
  expect(lines).not.toContain(service.key)
})

describe('a model whose file is broken', () => {
  async function startBroken(damage: (file: string) => void) {
    const broken = await startLocalService()
    onTestFinished(() => broken.stop())
    const { key } = broken.services.catalog.find('iris').manifest.artifact
    const store = broken.services.artifacts.location.replace('directory ', '')
    damage(join(store, key))
    return broken
  }

  test.each([
    ['missing', (file: string) => rmSync(file), false, 'artifact_not_found'],
    ['truncated', (file: string) => writeFileSync(file, 'ONNX'), true, 'artifact_truncated'],
    [
      'corrupted',
      (file: string) => writeFileSync(file, Buffer.alloc(6_035)),
      false,
      'artifact_digest_mismatch',
    ],
  ])(
    '%s: never answers, names model and cause, and leaves others alone',
    async (_, damage, retryable, code) => {
      const broken = await startBroken(damage)
      const answer = await bodyOf(await broken.post('/v1/models/iris/predict', iris))
      expect(answer).toMatchObject({ status: 502, code, model: 'iris@1', retryable })
      const ready = await broken.request('/v2/models/iris/ready')
      expect(ready.status).toBe(503)
      expect(await ready.json()).toStrictEqual({ error: expect.stringContaining(code) })
      const live = await fetch(`${broken.url}/v2/health/live`)
      expect(live.status).toBe(200)
      expect((await broken.post('/v1/models/spam/predict', { inputs: 'hello' })).status).toBe(200)
      // The smallest model stands for the whole: it is this one.
      expect((await fetch(`${broken.url}/v2/health/ready`)).status).toBe(503)
    },
  )
})
