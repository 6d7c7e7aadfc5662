import { expect, test } from 'vitest'
import { type ErrorCode, errorCodes } from '#shared/errors/error-codes.ts'
import { ServiceError, type ServiceErrorOptions } from '#shared/errors/service-error.ts'
import { jsonOf, startSteps } from './steps.ts'

const failing = (thrown: unknown) =>
  startSteps({
    run() {
      throw thrown
    },
  })
const failWith = (code: ErrorCode, options?: ServiceErrorOptions) =>
  failing(new ServiceError(code, options)).call()
const infer = { path: '/v2/models/iris/infer' }

test('speaks the dialect of the route, whatever failed', async () => {
  const error = new ServiceError('shape_wrong', { detail: 'No.' })
  const plain = await failing(error).call()
  expect(plain).toMatchObject({ status: 422 })
  expect(jsonOf(plain)).toMatchObject({ code: 'shape_wrong', detail: 'No.', status: 422 })
  const open = await failing(error).call(infer)
  expect(open).toMatchObject({ status: 400, headers: { 'content-type': 'application/json' } })
  expect(jsonOf(open)).toStrictEqual({ error: expect.stringContaining('shape_wrong: No.') })
})

test('says nothing of what it did not foresee', async () => {
  for (const thrown of [new Error('canary'), 'canary', { canary: 1 }, undefined, null]) {
    const response = await failing(thrown).call()
    expect(response.status).toBe(500)
    expect(jsonOf(response).code).toBe('internal')
    expect(JSON.stringify(response)).not.toContain('canary')
  }
})

test('tells when to come back in whole seconds, one at least', async () => {
  for (const [seconds, header] of [
    [0.2, '1'],
    [0, '1'],
    [7.1, '8'],
    [undefined, '1'],
  ] as const) {
    const options = seconds === undefined ? {} : { retryAfterSeconds: seconds }
    const { headers } = await failWith('overloaded', options)
    expect(headers['retry-after']).toBe(header)
  }
  expect((await failWith('inference_failed')).headers).not.toHaveProperty('retry-after')
})

test('says that a failure cost nothing, unless the store does not say so', async () => {
  expect((await failWith('inference_failed')).headers['x-cost-units']).toBe('0')
  expect((await failWith('store_unavailable')).headers).not.toHaveProperty('x-cost-units')
})

test('names the scheme of the credentials wherever it answers 401, and nowhere else', async () => {
  for (const code of Object.keys(errorCodes) as ErrorCode[]) {
    const { status, headers } = await failWith(code)
    const expected = status === 401 ? 'Bearer realm="percall"' : undefined
    expect(headers['www-authenticate']).toBe(expected)
    expect(headers['x-should-retry']).toBe(String(errorCodes[code].retryable))
  }
})

test('names the methods of a path that does not take this one', async () => {
  const response = await startSteps().call({ method: 'DELETE' })
  expect(response).toMatchObject({ status: 405, headers: { allow: 'POST' } })
  expect(jsonOf(response)).toMatchObject({ code: 'method_not_allowed' })
})

test('answers a failure of any step, decoding and encoding among them', async () => {
  const fail = () => {
    throw new ServiceError('input_invalid')
  }
  expect(await startSteps({ decode: fail }).call()).toMatchObject({ status: 422 })
  expect(await startSteps({ encode: fail }).call()).toMatchObject({ status: 422 })
  expect(await startSteps({ authenticate: async () => fail() }).call()).toMatchObject({
    status: 422,
  })
})
