import { readFileSync } from 'node:fs'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { expect, test } from 'vitest'
import { onLambda } from '#shared/endpoints/lambda-host.ts'
import type { Endpoint, HttpRequest } from '#shared/protocols/http-message.ts'

/** An event in the form that AWS documents for payload format 2.0. */
const documented = (): APIGatewayProxyEventV2 =>
  JSON.parse(readFileSync(new URL('./http-api-event.json', import.meta.url), 'utf8'))

type Changes = Omit<Partial<APIGatewayProxyEventV2>, 'requestContext'> & {
  stage?: string
  path?: string
}

async function receive({ stage = '$default', path = '/v1/models', ...changes }: Changes = {}) {
  let seen: HttpRequest | undefined
  const handler = await onLambda(async (request) => {
    seen = request
    return { status: 200, headers: {}, body: 'ok' }
  })
  const event = { ...documented(), ...changes }
  Object.assign(event.requestContext, { stage })
  Object.assign(event.requestContext.http, { path })
  await handler(event)
  return seen
}

test('reads method, path, headers, query and the address of the caller', async () => {
  expect(await receive()).toStrictEqual({
    method: 'POST',
    path: '/v1/models',
    query: { top_k: '3' },
    headers: { 'content-type': 'application/json', 'x-api-key': 'k' },
    body: Buffer.from('{"inputs": "Ü"}'),
    sourceIp: '192.0.2.1',
  })
})

test('decodes a body by the flag of the event, never by its type', async () => {
  const bytes = Buffer.from([0, 255, 254, 10])
  const binary = await receive({ body: bytes.toString('base64'), isBase64Encoded: true })
  expect(binary?.body).toStrictEqual(bytes)
  const text = await receive({ body: 'AP/+Cg==', isBase64Encoded: false })
  expect(text?.body).toStrictEqual(Buffer.from('AP/+Cg=='))
})

test('takes an event without body and query', async () => {
  const event = documented()
  delete event.body
  delete event.queryStringParameters
  let seen: HttpRequest | undefined
  const handler = await onLambda(async (request) => {
    seen = request
    return { status: 200, headers: {}, body: '' }
  })
  await handler(event)
  expect(seen).toMatchObject({ body: Buffer.alloc(0), query: {} })
})

test.each([
  ['$default', '/v1/models', '/v1/models'],
  ['$default', '/', '/'],
  ['dev', '/dev/v1/models', '/v1/models'],
  ['dev', '/dev', '/'],
  ['dev', '/dev/', '/'],
  ['v1', '/v1/v1/models', '/v1/models'],
  // Behind a domain of its own, a stage does not stand in the path.
  ['dev', '/v1/models', '/v1/models'],
  ['dev', '/developers', '/developers'],
  // The gateway has decoded the path; a second time would change it.
  ['$default', '/v1/models/a%2Fb', '/v1/models/a%2Fb'],
])('on the stage %s reads the path %s as %s', async (stage, path, expected) => {
  expect((await receive({ stage, path }))?.path).toBe(expected)
})

test('hands text back as it is and bytes as base64', async () => {
  const answer = async (body: string | Uint8Array) => {
    const handler = await onLambda(async () => ({ status: 404, headers: { a: 'b' }, body }))
    return handler(documented())
  }
  const common = { statusCode: 404, headers: { a: 'b' } }
  expect(await answer('ü')).toStrictEqual({ ...common, body: 'ü', isBase64Encoded: false })
  expect(await answer(Uint8Array.of(255, 0))).toStrictEqual({
    ...common,
    body: '/wA=',
    isBase64Encoded: true,
  })
})

test('warms the endpoint first, and leaves a failure of that to the first call', async () => {
  const told: string[] = []
  const endpoint: Endpoint = async () => {
    told.push('call')
    return { status: 200, headers: {}, body: '' }
  }
  endpoint.warm = async () => {
    told.push('warm')
    throw new Error('the store is away')
  }
  const handler = await onLambda(endpoint)
  expect(told).toStrictEqual(['warm'])
  expect(await handler(documented())).toMatchObject({ statusCode: 200 })
})
