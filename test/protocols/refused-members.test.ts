import { expect, test } from 'vitest'
import * as z from 'zod/mini'
import { decodeCompletion } from '#shared/protocols/openai-completions.ts'
import { readPlainText } from '#shared/protocols/plain-writing.ts'
import { integer, readBodyMembers } from '#shared/protocols/read-members.ts'
import { refusal } from '#test/support/refusal.ts'

const requestOf = (body: object) => ({
  method: 'POST',
  path: '/',
  query: {},
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(body)),
  sourceIp: '203.0.113.7',
})

test.each([
  ['temperature', 3, 'a number from 0 to 2'],
  ['temperature', 'hot', 'a number from 0 to 2'],
  ['top_p', -1, 'a number from 0 to 1'],
  ['max_tokens', 0, 'a whole number from 1 to 1000000'],
  ['seed', 1.5, 'a whole number'],
  ['stop', [], 'a list of 1 to 4'],
])('an OpenAI member %s of %j is told what it must be', (name, value, words) => {
  const body = { model: 'writer', prompt: 'x', [name]: value }
  expect(() => decodeCompletion(requestOf(body))).toThrow(
    refusal('parameter_invalid', `"${name}" must be`, words),
  )
})

test('a plain parameter is told its range, too', () => {
  const asked = { inputs: 'x', parameters: { max_new_tokens: 0 } }
  expect(() => readPlainText(asked)).toThrow(
    refusal('parameter_invalid', '"max_new_tokens" must be a whole number from 1 to 1000000'),
  )
})

test('a member of an account call is told its range, too', () => {
  const schema = z.strictObject({ days: integer(1, 30) })
  for (const days of [0, 31, 'many', undefined]) {
    expect(() => readBodyMembers(requestOf({ days }), schema)).toThrow(
      refusal('parameter_invalid', '"days" must be a whole number from 1 to 30'),
    )
  }
})
