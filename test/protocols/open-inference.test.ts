import { expect, test } from 'vitest'
import type { ErrorCode } from '#shared/errors/error-codes.ts'
import type { HttpRequest } from '#shared/protocols/http-message.ts'
import { decodeInfer, encodeInfer, encodeModelMetadata } from '#shared/protocols/open-inference.ts'
import { refusal } from '#test/support/refusal.ts'
import { testEntry } from '#test/support/test-model.ts'

const entry = testEntry({
  name: 'mixed',
  inputs: [
    { name: 'numbers', datatype: 'FP32', shape: [-1, 2] },
    { name: 'words', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [
    { name: 'ids', datatype: 'INT64', shape: [-1] },
    { name: '742', datatype: 'FP32', shape: [-1] },
    { name: 'flags', datatype: 'BOOL', shape: [-1] },
  ],
  limits: { rows: 4, elements: 100 },
})

const numbers = { name: 'numbers', datatype: 'FP32', shape: [1, 2], data: [1, 2] }
const words = { name: 'words', datatype: 'BYTES', shape: [1], data: ['a'] }

const asRequest = (
  body: unknown,
  headers: HttpRequest['headers'] = { 'content-type': 'application/json' },
): HttpRequest => ({
  method: 'POST',
  path: '/v2/models/mixed/infer',
  query: {},
  headers,
  body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)),
  sourceIp: '127.0.0.1',
})
const decode = (body: unknown) => decodeInfer(asRequest(body), entry)

test('reads tensors in any order, with id, parameters and a choice of outputs', () => {
  expect(
    decode({
      id: 'a-1',
      parameters: { priority: 1 },
      inputs: [words, { ...numbers, parameters: { note: 'x' } }],
      outputs: [{ name: 'flags' }, { name: 'ids', parameters: {} }],
    }),
  ).toStrictEqual({
    id: 'a-1',
    inputs: {
      words: { datatype: 'BYTES', shape: [1], data: ['a'] },
      numbers: { datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) },
    },
    outputs: ['flags', 'ids'],
  })
})

test('leaves the outputs open where none are named, and the id where there is none', () => {
  expect(decode({ inputs: [numbers, words] })).toMatchObject({ id: undefined, outputs: undefined })
})

test('does not look at the content type: official clients set none', () => {
  const request = asRequest({ inputs: [numbers, words] }, {})
  expect(decodeInfer(request, entry).inputs).toHaveProperty('numbers')
})

const withNumbers = (changes: object) => ({ inputs: [{ ...numbers, ...changes }, words] })

test.each<[ErrorCode, string, unknown, string]>([
  ['json_invalid', 'no JSON', '{', ''],
  ['json_too_deep', 'deep JSON', '['.repeat(100), ''],
  ['input_invalid', 'a list for a body', [], 'body'],
  ['input_invalid', 'null for a body', null, 'body'],
  ['input_invalid', 'no inputs', {}, 'inputs'],
  ['input_invalid', 'an object of inputs', { inputs: { numbers } }, 'inputs'],
  ['input_invalid', 'a number for a tensor', { inputs: [1] }, 'input'],
  ['input_invalid', 'an id that is a number', { id: 7, inputs: [] }, 'id'],
  ['input_invalid', 'parameters that are a list', { parameters: [], inputs: [] }, 'parameters'],
  ['tensor_missing', 'an empty list', { inputs: [] }, '"numbers"'],
  ['tensor_missing', 'a missing tensor', { inputs: [numbers] }, '"words"'],
  ['tensor_unknown', 'an extra tensor', { inputs: [numbers, words, { name: 'more' }] }, '"words"'],
  ['tensor_unknown', 'a tensor without a name', { inputs: [{ data: [] }] }, 'none of'],
  ['tensor_unknown', 'a name of every object', { inputs: [{ name: 'constructor' }] }, 'none of'],
  ['input_invalid', 'a tensor twice', { inputs: [numbers, words, numbers] }, '"numbers"'],
  ['datatype_wrong', 'another datatype', withNumbers({ datatype: 'FP64' }), 'FP32'],
  ['datatype_wrong', 'no datatype', withNumbers({ datatype: undefined }), 'FP32'],
  ['datatype_wrong', 'text for numbers', withNumbers({ data: ['1', '2'] }), 'numbers'],
  ['datatype_wrong', 'no data', withNumbers({ data: undefined }), 'numbers'],
  ['shape_wrong', 'no shape', withNumbers({ shape: undefined }), '[-1, 2]'],
  ['shape_wrong', 'a shape that is a number', withNumbers({ shape: 2 }), '[-1, 2]'],
  ['shape_wrong', 'a dimension less', withNumbers({ shape: [2] }), '[-1, 2]'],
  ['shape_wrong', 'a dimension more', withNumbers({ shape: [1, 2, 1] }), '[-1, 2]'],
  ['shape_wrong', 'a fixed dimension changed', withNumbers({ shape: [1, 3] }), '[-1, 2]'],
  ['shape_wrong', 'a negative dimension', withNumbers({ shape: [-1, 2] }), '[-1, 2]'],
  ['shape_wrong', 'a dimension of zero', withNumbers({ shape: [0, 2], data: [] }), '[-1, 2]'],
  ['shape_wrong', 'a broken dimension', withNumbers({ shape: [1.5, 2] }), '[-1, 2]'],
  ['shape_wrong', 'a dimension as text', withNumbers({ shape: ['1', 2] }), '[-1, 2]'],
  ['shape_wrong', 'a dimension past 2^53', withNumbers({ shape: [1e300, 2] }), '[-1, 2]'],
  ['too_many_elements', 'an absurd size', withNumbers({ shape: [2 ** 52, 2] }), '100'],
  ['too_many_elements', 'one row past the elements', withNumbers({ shape: [51, 2] }), '100'],
  ['too_many_rows', 'a row too many', withNumbers({ shape: [5, 2] }), '4'],
  ['element_count_wrong', 'too few values', withNumbers({ data: [1] }), 'numbers'],
  ['element_count_wrong', 'too many values', withNumbers({ data: [1, 2, 3] }), 'numbers'],
  ['number_not_finite', 'null', withNumbers({ data: [1, null] }), 'numbers'],
  [
    'number_not_finite',
    'a number too large',
    JSON.stringify(withNumbers({ data: [1, 7] })).replace('7', '1e999'),
    'numbers',
  ],
  ['json_invalid', 'NaN', JSON.stringify(withNumbers({ data: [1, 7] })).replace('7', 'NaN'), ''],
  ['input_invalid', 'no outputs at all', { inputs: [numbers, words], outputs: [] }, 'outputs'],
  ['input_invalid', 'a name for an output', { inputs: [numbers, words], outputs: ['ids'] }, ''],
  [
    'tensor_unknown',
    'an unknown output',
    { inputs: [numbers, words], outputs: [{ name: 'numbers' }] },
    '"ids"',
  ],
  [
    'input_invalid',
    'an output twice',
    { inputs: [numbers, words], outputs: [{ name: 'ids' }, { name: 'ids' }] },
    'twice',
  ],
  ['parameter_invalid', 'binary data', withNumbers({ parameters: { binary_data_size: 8 } }), ''],
  ['parameter_invalid', "Triton's own", { parameters: { triton_x: 1 }, inputs: [] }, ''],
  [
    'parameter_invalid',
    'shared memory',
    withNumbers({ parameters: { shared_memory_region: 'r' } }),
    '',
  ],
])('answers %s to %s', (code, _, body, words) => {
  expect(() => decode(body)).toThrow(refusal(code, words))
})

test('refuses a message with binary tensors', () => {
  const request = asRequest('{}', { 'inference-header-content-length': '2' })
  expect(() => decodeInfer(request, entry)).toThrow(refusal('unsupported_media_type'))
})

test('refuses an absurd shape before it takes memory for it', () => {
  const before = process.memoryUsage().arrayBuffers
  const shape = [1_000_000_000, 2]
  expect(() => decode(withNumbers({ shape, data: [] }))).toThrow(refusal('too_many_elements'))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
})

test('never repeats in an error what was sent', () => {
  const canary = 'canary-4711'
  for (const body of [
    { inputs: [{ name: canary }] },
    withNumbers({ datatype: canary }),
    withNumbers({ shape: [canary] }),
    withNumbers({ data: [canary, canary] }),
    { inputs: [numbers, words], outputs: [{ name: canary }] },
    { parameters: { [`triton_${canary}`]: 1 }, inputs: [] },
  ]) {
    try {
      decode(body)
      expect.unreachable()
    } catch (thrown) {
      expect(JSON.stringify(thrown)).not.toContain(canary)
    }
  }
})

test('keeps 64-bit numbers exact, on the way in and on the way out', () => {
  const large = testEntry({
    inputs: [{ name: 'x', datatype: 'INT64', shape: [-1] }],
    outputs: [{ name: 'y', datatype: 'UINT64', shape: [-1] }],
  })
  const text =
    '{"inputs":[{"name":"x","datatype":"INT64","shape":[2],"data":[-9223372036854775808,1]}]}'
  const request = decodeInfer(asRequest(text), large)
  expect(request.inputs.x?.data).toStrictEqual(BigInt64Array.of(-(2n ** 63n), 1n))
  const y = { datatype: 'UINT64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) } as const
  const { body } = encodeInfer(large, request, { outputs: { y }, timings: { runMs: 0 } })
  expect(body).toContain('"data":[18446744073709551615]')
})

const result = {
  outputs: {
    '742': { datatype: 'FP32', shape: [3], data: Float32Array.of(0.5, Number.NaN, 1 / 0) },
    ids: { datatype: 'INT64', shape: [1], data: BigInt64Array.of(7n) },
    flags: { datatype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) },
  },
  timings: { runMs: 0 },
} as const
const ask = { id: undefined, inputs: {}, outputs: undefined }
const bodyOf = (asked: Parameters<typeof encodeInfer>[1]) =>
  JSON.parse(String(encodeInfer(entry, asked, result).body))

test('answers all outputs in the order of the manifest', () => {
  expect(bodyOf(ask)).toStrictEqual({
    model_name: 'mixed',
    model_version: '1',
    outputs: [
      { name: 'ids', datatype: 'INT64', shape: [1], data: [7] },
      { name: '742', datatype: 'FP32', shape: [3], data: [0.5, null, null] },
      { name: 'flags', datatype: 'BOOL', shape: [2], data: [true, false] },
    ],
  })
})

test('answers the chosen outputs in the order of the caller, also where a name is a number', () => {
  const { id, outputs } = bodyOf({ ...ask, id: 'a', outputs: ['flags', '742'] })
  expect(id).toBe('a')
  expect(outputs.map(({ name }: { name: string }) => name)).toStrictEqual(['flags', '742'])
})

test('tells the metadata as the protocol names it', () => {
  expect(JSON.parse(String(encodeModelMetadata(entry, [entry]).body))).toStrictEqual({
    name: 'mixed',
    versions: ['1'],
    platform: 'onnx_onnxv1',
    inputs: entry.manifest.inputs,
    outputs: entry.manifest.outputs,
  })
})
