import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createModelShelf, type ModelShelf } from '#shared/endpoints/model-shelf.ts'
import { sagemakerEndpoint } from '#shared/endpoints/sagemaker-endpoint.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import type { Endpoint, HttpRequest } from '#shared/protocols/http-message.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'

/** SageMaker's multi-model contract: models that are brought, called by opaque names, and taken away. */
let service: LocalService
let shelf: ModelShelf
let endpoint: Endpoint
let folder: string
let availableBytes = Number.POSITIVE_INFINITY
let opened = 0

beforeAll(async () => {
  service = await startLocalService()
  folder = mkdtempSync(join(tmpdir(), 'percall-shelf-'))
  for (const name of ['iris', 'spam']) {
    cpSync(join('models', name), join(folder, name, 'model'), { recursive: true })
  }
  shelf = createModelShelf({
    services: service.services,
    threads: 1,
    availableBytes: () => availableBytes,
    openRunner(readArtifact) {
      opened += 1
      const runner = inlineRunner({ readArtifact, threads: 1, proveOnLoad: true })
      return {
        ...runner,
        async close() {
          opened -= 1
          await runner.close()
        },
      }
    },
  })
  endpoint = sagemakerEndpoint({
    services: service.services,
    endpoint: async ({ path }) => ({ status: 404, headers: {}, body: path }),
    isReady: () => true,
    model: () => service.services.catalog.find('iris'),
    shelf,
    platformKey: service.key,
  })
})
afterAll(async () => {
  await shelf.close()
  await service.stop()
  rmSync(folder, { recursive: true })
})

async function call(
  method: string,
  path: string,
  body?: unknown,
  more: Partial<HttpRequest> = {},
): Promise<[status: number, body: unknown]> {
  const answer = await endpoint({
    method,
    path,
    query: {},
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
    sourceIp: '127.0.0.1',
    ...more,
  })
  const text = String(answer.body)
  return [answer.status, text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text]
}
const bring = (name: string, model: string) =>
  call('POST', '/models', { model_name: name, url: join(folder, model, 'model') })
const row = { inputs: [5.1, 3.5, 1.4, 0.2] }

it('serves what is brought by its opaque name, lists it, and forgets it when it is taken away', async () => {
  expect(await call('POST', '/models/7fa1/invoke', row)).toMatchObject([404, {}])
  expect(await bring('7fa1', 'iris')).toEqual([200, {}])
  expect(await call('POST', '/models/7fa1/invoke', row)).toMatchObject([
    200,
    [{ label: 'setosa' }, {}, {}],
  ])
  const item = { modelName: '7fa1', modelUrl: join(folder, 'iris', 'model') }
  expect(await call('GET', '/models/7fa1')).toEqual([200, item])
  expect(await call('GET', '/models')).toEqual([200, { models: [item] }])
  expect(await call('DELETE', '/models/7fa1')).toEqual([200, {}])
  expect(await call('GET', '/models')).toEqual([200, { models: [] }])
  expect(await call('GET', '/models/7fa1')).toMatchObject([404, {}])
  expect(await call('DELETE', '/models/7fa1')).toMatchObject([404, {}])
  expect(opened).toBe(0)
})

it('answers 409 for a name that is taken, also while its model is being loaded', async () => {
  const [first, second] = await Promise.all([bring('twice', 'iris'), bring('twice', 'spam')])
  expect([first[0], second[0]].sort()).toEqual([200, 409])
  expect((await bring('twice', 'iris'))[0]).toBe(409)
  await call('DELETE', '/models/twice')
})

it('answers 507 where memory would not do, before anything is loaded, counting what is on its way', async () => {
  const { artifact } = JSON.parse(readFileSync('models/iris/manifest.json', 'utf8'))
  availableBytes = artifact.bytes * 3
  const answers = await Promise.all([bring('one', 'iris'), bring('two', 'iris')])
  expect(answers.map(([status]) => status).sort()).toEqual([200, 507])
  expect(opened).toBe(1)
  availableBytes = Number.POSITIVE_INFINITY
  await Promise.all(shelf.list().map(({ name }) => shelf.unload(name)))
})

it('keeps two models apart that call themselves the same', async () => {
  const other = join(folder, 'renamed', 'model')
  cpSync(join(folder, 'iris', 'model'), other, { recursive: true })
  const labels = JSON.parse(readFileSync(join(other, 'labels.json'), 'utf8')) as string[]
  const expected = readFileSync(join(other, 'expected.json'), 'utf8')
  writeFileSync(join(other, 'labels.json'), JSON.stringify(labels.map((label) => `my ${label}`)))
  writeFileSync(join(other, 'expected.json'), expected.replaceAll('"label": "', '"label": "my '))
  const loaded = [await bring('theirs', 'iris'), await bring('mine', 'renamed')]
  expect(loaded.map(([status]) => status)).toEqual([200, 200])
  expect(await call('POST', '/models/mine/invoke', row)).toMatchObject([
    200,
    [{ label: 'my setosa' }, {}, {}],
  ])
  expect(await call('POST', '/models/theirs/invoke', row)).toMatchObject([
    200,
    [{ label: 'setosa' }, {}, {}],
  ])
  await Promise.all(shelf.list().map(({ name }) => shelf.unload(name)))
})

it('refuses names and folders that are none, and keeps nothing of a model that fails', async () => {
  const model = join(folder, 'iris', 'model')
  for (const body of [
    { model_name: 'invoke', url: model },
    { model_name: 'a/b', url: model },
    { model_name: '', url: model },
    { url: model },
    { model_name: 'a', url: 'relative' },
    { model_name: 'a' },
    [],
  ]) {
    expect((await call('POST', '/models', body))[0], JSON.stringify(body)).toBe(400)
  }
  mkdirSync(join(folder, 'empty'))
  expect((await call('POST', '/models', { model_name: 'a', url: join(folder, 'empty') }))[0]).toBe(
    500,
  )
  const broken = join(folder, 'broken', 'model')
  cpSync(model, broken, { recursive: true })
  writeFileSync(join(broken, 'model.int8.onnx'), 'not a model')
  expect((await bring('broken', 'broken'))[0]).toBe(502)
  expect([shelf.list(), opened]).toEqual([[], 0])
})

it('lets only administrators bring and take models, and nobody without a key but the platform', async () => {
  const manager = { authorization: 'Bearer pc_test_unknown' }
  for (const [method, path] of [
    ['GET', '/models'],
    ['POST', '/models'],
    ['DELETE', '/models/x'],
    ['POST', '/invocations'],
    ['POST', '/models/x/invoke'],
  ] as const) {
    expect((await call(method, path, {}, { headers: manager }))[0], `${method} ${path}`).toBe(401)
  }
})

it('leaves every other path to the routes of the service', async () => {
  for (const path of [
    '/models/x/other',
    '/models/x/invoke/y',
    '/v1/models',
    '/v1/models/iris',
    '/',
  ]) {
    expect(await call('GET', path)).toEqual([404, path])
  }
})
