import { expect, test } from 'vitest'
import type { Authenticate } from '#shared/access/authenticate.ts'
import type { Caller } from '#shared/access/caller.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { callerOf } from '#shared/middleware/authenticate/caller-of.ts'
import type { Call } from '#shared/middleware/call.ts'
import { jsonOf, startSteps } from './steps.ts'

const caller: Caller = {
  method: 'api-key',
  keyId: 'key-1',
  tenant: 'acme',
  mode: 'live',
  scopes: ['models:read'],
}

function setUp() {
  const asked: Parameters<Authenticate>[0][] = []
  const callers: (Caller | undefined)[] = []
  const steps = startSteps({
    async authenticate(credentials) {
      asked.push(credentials)
      return caller
    },
    run: (_, call) => {
      callers.push(callerOf(call as Call))
      return {}
    },
  })
  return { steps, asked, callers }
}

test('hands over both headers and the address that the host saw', async () => {
  const { steps, asked } = setUp()
  const headers = { authorization: 'Bearer a', 'x-api-key': 'b', 'x-forwarded-for': '9.9.9.9' }
  await steps.call({ method: 'GET', path: '/v1/models', headers, sourceIp: '1.2.3.4' })
  expect(asked).toStrictEqual([{ authorization: 'Bearer a', apiKey: 'b', sourceIp: '1.2.3.4' }])
})

test('tells the use case who is calling', async () => {
  const { steps, callers } = setUp()
  expect(await steps.call({ method: 'GET', path: '/v1/models' })).toMatchObject({ status: 200 })
  expect(callers).toStrictEqual([caller])
})

test('refuses a caller without the scope of the route', async () => {
  const { steps, callers } = setUp()
  const response = await steps.call()
  expect(response.status).toBe(403)
  expect(jsonOf(response)).toMatchObject({ code: 'scope_missing' })
  expect(callers).toStrictEqual([])
})

test('asks nobody on an open route', async () => {
  const { steps, asked, callers } = setUp()
  expect(await steps.call({ method: 'GET', path: '/v2/health/live' })).toMatchObject({
    status: 200,
  })
  expect(asked).toStrictEqual([])
  expect(callers).toStrictEqual([undefined])
})

test('says that a path leads nowhere without asking for credentials', async () => {
  const { steps, asked } = setUp()
  expect(await steps.call({ path: '/nowhere' })).toMatchObject({ status: 404 })
  expect(asked).toStrictEqual([])
})

test('refuses bad credentials before it looks at the body', async () => {
  const decoded: unknown[] = []
  const steps = startSteps({
    authenticate: () => Promise.reject(new ServiceError('api_key_unknown')),
    decode: ({ request }) => {
      decoded.push(request)
      return request
    },
  })
  const response = await steps.call({ oversized: true })
  expect(response).toMatchObject({ status: 401 })
  expect(decoded).toStrictEqual([])
})
