import { expect, test } from 'vitest'
import type { ErrorCode } from '#shared/errors/error-codes.ts'
import type { HttpRequest } from '#shared/protocols/http-message.ts'
import { decodePredict, encodePrediction } from '#shared/protocols/plain-call.ts'
import { refusal } from '#test/support/refusal.ts'
import { testEntry } from '#test/support/test-model.ts'

const images = ['image/jpeg', 'image/png', 'application/octet-stream']

const asRequest = (
  body: unknown,
  contentType: string | undefined = 'application/json',
  query: Record<string, string> = {},
): HttpRequest => ({
  method: 'POST',
  path: '/v1/models/plain/predict',
  query,
  headers: { 'content-type': contentType },
  body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)),
  sourceIp: '127.0.0.1',
})

test('reads inputs as they are, with and without parameters', () => {
  expect(decodePredict(asRequest({ inputs: 'text' }), [])).toStrictEqual({
    inputs: 'text',
    parameters: {},
  })
  const body = { inputs: [[1, 2]], parameters: { top_k: 1 } }
  expect(decodePredict(asRequest(body), [])).toStrictEqual(body)
  expect(decodePredict(asRequest({ inputs: null }), []).inputs).toBeNull()
})

test.each([
  'application/json',
  'Application/JSON',
  'application/json; charset=utf-8',
  'application/json;charset="utf-8"',
  ' application/json ;x=y',
  'application/vnd.percall+json',
])('takes "%s" for JSON', (contentType) => {
  const { inputs } = decodePredict(asRequest({ inputs: 1 }, contentType), [])
  expect(inputs).toBe(1)
})

test.each<[ErrorCode, unknown, string]>([
  ['json_invalid', '', 'empty'],
  ['json_invalid', '{', ''],
  ['json_too_deep', `{"inputs":${'['.repeat(40)}${']'.repeat(40)}}`, '32'],
  ['json_string_too_long', { inputs: 'a'.repeat(1_000_001) }, ''],
  ['input_invalid', [], 'object'],
  ['input_invalid', 'null', 'object'],
  ['input_invalid', '"text"', 'object'],
  ['input_invalid', {}, '"inputs"'],
  ['input_invalid', { input: 'text' }, 'member'],
  ['input_invalid', { inputs: 'text', options: {} }, 'member'],
  ['parameter_invalid', { inputs: 'text', parameters: [] }, '"parameters"'],
  ['parameter_invalid', { inputs: 'text', parameters: null }, '"parameters"'],
  ['parameter_invalid', { inputs: 'text', parameters: 'top_k' }, '"parameters"'],
])('answers %s to what is no call, case %$', (code, body, words) => {
  expect(() => decodePredict(asRequest(body), [])).toThrow(refusal(code, words))
})

test('refuses other content types, naming those that it takes', () => {
  const read = (contentType: string | undefined, media: string[]) => () =>
    decodePredict({ ...asRequest({}), headers: { 'content-type': contentType } }, media)
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'image/png',
    'json',
    ',',
  ]) {
    expect(read(type, [])).toThrow(refusal('unsupported_media_type', 'does not read'))
  }
  expect(read(undefined, [])).toThrow(refusal('unsupported_media_type', 'missing'))
  expect(read('text/html', images)).toThrow(
    expect.objectContaining({ fix: expect.stringContaining('image/jpeg') }),
  )
})

test.each(['image/jpeg', 'IMAGE/PNG', 'application/octet-stream', '', undefined])(
  'takes a body of type %s as one image',
  (contentType) => {
    const request = { ...asRequest('raw'), headers: { 'content-type': contentType } }
    const { inputs } = decodePredict(request, images)
    expect(inputs).toStrictEqual(request.body)
  },
)

test('takes an image as long base64 in JSON', () => {
  const { inputs } = decodePredict(asRequest({ inputs: 'A'.repeat(2_000_000) }), images)
  expect(inputs).toHaveLength(2_000_000)
})

test('reads the parameters of a raw body from the query', () => {
  const query = {
    top_k: '3',
    threshold: '-0.25',
    flag: 'true',
    off: 'false',
    name: 'cat',
    zero: '0',
    agent: '007',
    exponent: '1e3',
    empty: '',
    dash: '-',
    infinite: 'Infinity',
  }
  expect(decodePredict(asRequest('raw', 'image/png', query), images).parameters).toStrictEqual({
    top_k: 3,
    threshold: -0.25,
    flag: true,
    off: false,
    name: 'cat',
    zero: 0,
    agent: '007',
    exponent: '1e3',
    empty: '',
    dash: '-',
    infinite: 'Infinity',
  })
})

test('answers model, version, outputs and the time in milliseconds', () => {
  const timings = { prepareMs: 0.12345, runMs: 1, interpretMs: 0 }
  const outputs = [[{ label: 'yes', score: 1 }]]
  const response = encodePrediction(testEntry(), { outputs, rows: 1, timings })
  expect(response).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } })
  expect(JSON.parse(String(response.body))).toStrictEqual({
    model: 'plain',
    version: '1',
    outputs,
    timings: { prepare_ms: 0.123, run_ms: 1, interpret_ms: 0 },
  })
})
