import { expect, test } from 'vitest'
import { ServiceError } from '#shared/errors/service-error.ts'
import { jsonOf, startSteps } from './steps.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const ask = (id: string) => startSteps().call({ headers: { 'x-request-id': id } })

test('gives each call an id of its own, in the answer and in the log', async () => {
  const steps = startSteps()
  const ids = [await steps.call(), await steps.call()].map(({ headers }) => headers['x-request-id'])
  for (const id of ids) expect(id).toMatch(uuid)
  expect(new Set(ids).size).toBe(2)
  expect(steps.log.map(({ requestId }) => requestId)).toStrictEqual(ids)
})

test.each(['abcdefgh', 'A-z_0.9-trace', 'a'.repeat(128)])('keeps the id %s', async (id) => {
  expect((await ask(id)).headers['x-request-id']).toBe(id)
})

test.each([
  '',
  'short',
  'a'.repeat(129),
  'with space',
  'new\nline-and-more',
  'ümlaut-id',
  '<script>',
])('replaces the id %j', async (id) => {
  expect((await ask(id)).headers['x-request-id']).toMatch(uuid)
})

test('tells the id of a failed call, too', async () => {
  const steps = startSteps({
    run() {
      throw new ServiceError('overloaded')
    },
  })
  const response = await steps.call({ headers: { 'x-request-id': 'the-callers-own' } })
  expect(response.headers['x-request-id']).toBe('the-callers-own')
  expect(jsonOf(response).request_id).toBe('the-callers-own')
})
