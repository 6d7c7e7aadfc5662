import fc from 'fast-check'
import { expect, test } from 'vitest'
import { matchRoute, routes } from '#shared/protocols/routes.ts'

const example = (path: string) =>
  path
    .replace('{model}', 'iris')
    .replace('{version}', '3')
    .replace(/\{(id|month)\}/, '2026-11')
/** The dialect of what lies at and next to a path. */
function dialectAt(path: string): string {
  if (path.startsWith('/v2')) return 'open-inference'
  return /^\/v1\/(files|batches|chat|completions)\b/.test(path) ? 'openai' : 'plain'
}

test.each(routes.map((route) => [route.method, route.path, route] as const))(
  '%s %s leads to itself, with a slash at its end, too',
  (method, path, route) => {
    const expected = {
      route,
      model: path.includes('{model}') ? 'iris' : undefined,
      version: path.includes('{version}') ? '3' : undefined,
      id: /\{(id|month)\}/.test(path) ? '2026-11' : undefined,
    }
    expect(matchRoute(method, example(path))).toStrictEqual(expected)
    const slash = path === '/' ? '/' : `${example(path)}/`
    expect(matchRoute(method, slash)).toStrictEqual(expected)
  },
)

test.each(routes.map(({ method, path }) => [method, path] as const))(
  '%s %s says which methods its path takes to any other',
  (_method, path) => {
    const methods = routes
      .filter((route) => route.path === path)
      .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    for (const other of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'get', '']) {
      if (methods.some((method) => method === other)) continue
      expect(matchRoute(other, example(path))).toMatchObject({
        error: { code: 'method_not_allowed', status: 405 },
        allow: methods.join(', '),
        dialect: { name: dialectAt(path) },
      })
    }
  },
)

test('finds the routes of the OpenAI API, and no others, under /openai/v1, too', () => {
  const found = (method: string, path: string) => {
    const match = matchRoute(method, path)
    return 'route' in match ? match.route.action : match.dialect.name
  }
  expect(found('POST', '/openai/v1/chat/completions')).toBe('chat-completion')
  expect(found('GET', '/openai/v1/models')).toBe('models')
  expect(found('GET', '/openai/v1/models/iris')).toBe('model')
  expect(found('GET', '/openai/v1/files/file-1/content')).toBe('file-content')
  expect(found('GET', '/openai/v1/keys')).toBe('plain')
  expect(found('POST', '/openai/v1/chat/nothing')).toBe('openai')
  expect(found('GET', '/openai/v2')).toBe('plain')
})

test('HEAD is taken wherever GET is, and nowhere else', () => {
  expect(matchRoute('HEAD', '/v2/health/live')).toMatchObject({ route: { action: 'live' } })
  expect(matchRoute('HEAD', '/v1/estimate')).toMatchObject({ allow: 'POST' })
})

test('no two routes match the same call', () => {
  const calls = routes.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, '{}')}`)
  expect(new Set(calls).size).toBe(calls.length)
})

test('reads a version or alias behind the name', () => {
  const read = (name: string) => matchRoute('POST', `/v1/models/${name}/predict`)
  expect(read('iris@2')).toMatchObject({ model: 'iris', version: '2' })
  expect(read('iris@stable')).toMatchObject({ model: 'iris', version: 'stable' })
  expect(read('iris@')).toMatchObject({ model: 'iris', version: '' })
  expect(read('iris@1@2')).toMatchObject({ model: 'iris', version: '1@2' })
  expect(read('@2')).toMatchObject({ model: undefined, version: '2' })
})

test.each([
  '',
  '/v1',
  '/v1//models',
  '/v1/models//predict',
  '/v1/models/iris/predict/again',
  '/v1/models/iris/Predict',
  '/V1/models',
  '/v1/models/a/b/predict',
  '/v1/models/../../etc/passwd',
  '/openapi.json.bak',
  '/__proto__',
  '/constructor/prototype',
])('%s leads nowhere', (path) => {
  expect(matchRoute('GET', path)).toMatchObject({
    error: { code: 'route_not_found', status: 404 },
    dialect: { name: 'plain' },
  })
})

test.each(['/v2/models//infer', '/v2/models/iris/versions//infer', '/v2/nothing', '/v2/a/b/c/d/e'])(
  '%s leads nowhere, in the words of the Open Inference Protocol',
  (path) => {
    expect(matchRoute('POST', path)).toMatchObject({
      error: { code: 'route_not_found' },
      dialect: { name: 'open-inference' },
    })
  },
)

test('answers any path at all, in time linear to its length', () => {
  fc.assert(
    fc.property(fc.string(), (path) => {
      expect(matchRoute('GET', `/${path}`)).toBeDefined()
    }),
  )
  const start = performance.now()
  matchRoute('GET', '/'.repeat(100_000))
  matchRoute('GET', `/v1/models/${'a'.repeat(1_000_000)}`)
  expect(performance.now() - start).toBeLessThan(100)
})
