import { expect, test } from 'vitest'
import { ServiceError } from '#shared/errors/service-error.ts'
import { startSteps } from './steps.ts'

test('writes one line a call, with what an operator needs', async () => {
  const steps = startSteps()
  const { headers } = await steps.call({ path: '/v1/models/iris@2/predict' })
  expect(steps.log).toStrictEqual([
    {
      time: '1970-01-01T00:00:00.000Z',
      level: 'info',
      message: 'call',
      requestId: headers['x-request-id'],
      method: 'POST',
      route: '/v1/models/{model}/predict',
      model: 'iris',
      status: 200,
      durationMs: expect.any(Number),
      tenant: 'acme',
      keyId: 'key-1',
    },
  ])
  expect(headers['server-timing']).toMatch(/^total;dur=\d+\.\d\d$/)
})

test('names the code of a refusal, and for a fault of ours the cause as well', async () => {
  const steps = startSteps({
    run({ method }) {
      const cause = new Error('disk', { cause: new Error('fire') })
      throw new ServiceError(method === 'POST' ? 'input_invalid' : 'internal', {
        detail: 'Because.',
        cause,
      })
    },
  })
  await steps.call()
  await steps.call({ method: 'GET', path: '/v1/models' })
  expect(steps.log).toMatchObject([
    { level: 'info', status: 422, code: 'input_invalid' },
    { level: 'error', status: 500, code: 'internal', detail: 'Because.' },
  ])
  expect(steps.log[0]).not.toHaveProperty('cause')
  expect(steps.log[1]?.cause).toMatch(/disk.*\|\|.*fire/)
})

test('logs a call that leads nowhere without the path that was asked for', async () => {
  const steps = startSteps()
  await steps.call({ path: '/canary' })
  expect(steps.log).toMatchObject([{ status: 404, code: 'route_not_found' }])
  expect(steps.lines.join()).not.toContain('canary')
})

test('holds nothing of headers, inputs, query and key, whatever becomes of the call', async () => {
  const canary = 'canary-4711'
  const outcomes = [
    {},
    { run: () => ({ canary }) },
    {
      run() {
        throw new ServiceError('input_invalid', { detail: canary })
      },
    },
    {
      run() {
        throw new ServiceError('shape_wrong', { cause: new Error(canary) })
      },
    },
    { authenticate: () => Promise.reject(new ServiceError('api_key_unknown')) },
  ]
  for (const outcome of outcomes) {
    const steps = startSteps(outcome)
    await steps.call({
      headers: {
        authorization: `Bearer ${canary}`,
        'x-api-key': canary,
        cookie: canary,
        'user-agent': canary,
        'content-type': canary,
      },
      query: { canary },
      body: Buffer.from(canary),
    })
    expect(steps.lines).toHaveLength(1)
    expect(steps.lines.join()).not.toContain(canary)
  }
})
