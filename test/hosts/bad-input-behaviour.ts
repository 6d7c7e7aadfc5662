import { crc32, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readModels } from '#shared/catalog/read-models.ts'
import { useHost } from './client.ts'
import type { StartHost } from './running-host.ts'

const predict = '/v1/models/iris/predict'
const infer = '/v2/models/iris/infer'
const json = { 'content-type': 'application/json' }
const tensor = { name: 'features', datatype: 'FP32', shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }
const inputs = (...tensors: object[]) => ({ inputs: tensors })

export function badInputBehaviour(start: StartHost): void {
  describe('bad input', () => {
    const client = useHost(start)

    it.each<[string, string, unknown, Record<string, string>, number, string]>([
      ['an unknown model', '/v1/models/nope/predict', { inputs: 1 }, {}, 404, 'model_not_found'],
      [
        'an unknown version',
        '/v1/models/iris@9/predict',
        { inputs: 1 },
        {},
        404,
        'version_not_found',
      ],
      ['no inputs', predict, {}, {}, 422, 'input_invalid'],
      ['a row that is too short', predict, { inputs: [[1, 2]] }, {}, 422, 'input_invalid'],
      ['words for numbers', predict, { inputs: [['a', 'b', 'c', 'd']] }, {}, 422, 'input_invalid'],
      ['null for a number', predict, { inputs: [[1, 2, 3, null]] }, {}, 422, 'input_invalid'],
      [
        'a number that overflows',
        predict,
        '{"inputs": [[1, 2, 3, 1e999]]}',
        json,
        422,
        'input_invalid',
      ],
      [
        'an unknown parameter',
        predict,
        { inputs: [[1, 2, 3, 4]], parameters: { depth: 1 } },
        {},
        422,
        'parameter_invalid',
      ],
      [
        'more rows than the limit',
        predict,
        { inputs: Array(5_000).fill([1, 2, 3, 4]) },
        {},
        422,
        'too_many_rows',
      ],
      [
        'another content type',
        predict,
        'inputs=1',
        { 'content-type': 'text/plain' },
        415,
        'unsupported_media_type',
      ],
      [
        'an unknown encoding',
        predict,
        '{}',
        { ...json, 'content-encoding': 'br2' },
        415,
        'unsupported_encoding',
      ],
      ['NaN', predict, '{"inputs": [[NaN, 1, 2, 3]]}', json, 400, 'json_invalid'],
      ['JSON that is cut off', predict, '{"inputs": [[5.1', json, 400, 'json_invalid'],
      ['an empty body', predict, '', json, 400, 'json_invalid'],
      [
        'bytes that are not UTF-8',
        predict,
        Buffer.from([0x7b, 0xff, 0x7d]),
        json,
        400,
        'json_invalid',
      ],
      ['5.9 MB of [', predict, '['.repeat(5_900_000), json, 400, 'json_too_deep'],
      [
        'a body of the wrong encoding',
        predict,
        'plain',
        { ...json, 'content-encoding': 'gzip' },
        400,
        'body_not_decodable',
      ],
      [
        'a gzip bomb',
        predict,
        gzipSync(Buffer.alloc(50_000_000, ' ')),
        { ...json, 'content-encoding': 'gzip' },
        413,
        'payload_too_large',
      ],
    ])('refuses %s', async (_what, path, body, headers, status, code) => {
      const answer = await client.post(path, body, headers)
      expect([answer.status, answer.json]).toMatchObject([
        status,
        { code, fix: expect.any(String) },
      ])
    })

    it.each<[string, unknown, string]>([
      ['no inputs', {}, 'input_invalid'],
      ['a missing tensor', inputs(), 'tensor_missing'],
      ['an extra tensor', inputs(tensor, { ...tensor, name: 'extra' }), 'tensor_unknown'],
      ['a tensor twice', inputs(tensor, tensor), 'input_invalid'],
      ['a wrong datatype', inputs({ ...tensor, datatype: 'INT64' }), 'datatype_wrong'],
      ['a wrong rank', inputs({ ...tensor, shape: [4] }), 'shape_wrong'],
      ['a wrong dimension', inputs({ ...tensor, shape: [1, 5] }), 'shape_wrong'],
      ['a negative shape', inputs({ ...tensor, shape: [-1, 4] }), 'shape_wrong'],
      ['an absurd shape', inputs({ ...tensor, shape: [9e15, 4] }), 'too_many_elements'],
      ['a fractional shape', inputs({ ...tensor, shape: [1.5, 4] }), 'shape_wrong'],
      ['too few values', inputs({ ...tensor, data: [1, 2, 3] }), 'element_count_wrong'],
      ['too many values', inputs({ ...tensor, data: [1, 2, 3, 4, 5] }), 'element_count_wrong'],
      [
        'null where NaN is not allowed',
        inputs({ ...tensor, data: [1, 2, 3, null] }),
        'number_not_finite',
      ],
      [
        'a number beyond float32',
        inputs({ ...tensor, data: [1, 2, 3, 1e39] }),
        'number_not_finite',
      ],
      ['a word for a number', inputs({ ...tensor, data: [1, 2, 3, '4'] }), 'datatype_wrong'],
      ['an unknown output', { ...inputs(tensor), outputs: [{ name: 'x' }] }, 'tensor_unknown'],
      [
        'shared memory',
        inputs({ ...tensor, parameters: { shared_memory_region: 'x' } }),
        'parameter_invalid',
      ],
    ])('refuses tensors with %s', async (_what, body, code) => {
      const { status, json } = await client.post(infer, body)
      expect([status, json]).toEqual([400, { error: expect.stringMatching(`^${code}: `) }])
    })

    it('refuses an unknown model and version on the tensor routes, too', async () => {
      for (const path of ['/v2/models/nope/infer', '/v2/models/iris/versions/9/infer']) {
        const { status, json } = await client.post(path, inputs(tensor))
        expect([status, json]).toMatchObject([404, { error: expect.any(String) }])
      }
    })

    it('refuses images that are bombs, cut off or none', async () => {
      const [faces] = readModels('models', { only: 'faces' })
      const jpeg = Buffer.from(faces?.sample.inputs as string, 'base64')
      for (const [image, status, code] of [
        [pngBomb(15_000, 15_000), 422, 'image_too_large'],
        [jpeg.subarray(0, jpeg.length / 2), 422, 'image_unreadable'],
        [Buffer.from('GIF89a and nothing else'), 415, 'image_type_unsupported'],
        [Buffer.alloc(0), 415, 'image_type_unsupported'],
      ] as const) {
        const answer = await client.post('/v1/models/faces/predict', image, {
          'content-type': 'image/jpeg',
        })
        expect([answer.status, answer.json]).toMatchObject([status, { code }])
      }
    })

    it('never repeats what was sent in an error', async () => {
      const canary = 'canary-4711'
      const { body } = await client.post(predict, {
        inputs: canary,
        [canary]: canary,
        parameters: { [canary]: 1 },
      })
      expect(Buffer.from(body).toString()).not.toContain(canary)
    })
  })
}

/** A PNG of these dimensions whose pixels are all zero: 225 million of them in about 220 KB. */
function pngBomb(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const chunk = (type: string, data: Buffer) => {
    const out = Buffer.alloc(12 + data.length)
    out.writeUInt32BE(data.length, 0)
    out.write(type, 4, 'latin1')
    data.copy(out, 8)
    out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length)
    return out
  }
  const pixels = deflateSync(Buffer.alloc((width + 1) * height))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
  ])
}
