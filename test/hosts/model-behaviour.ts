import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { largestDifference } from '#shared/inference/golden-sample.ts'
import { isCommitted } from '#test/support/is-committed.ts'
import { useHost } from './client.ts'
import type { StartHost } from './running-host.ts'

const models = readModels('models', { parse: parseManifest }).filter(isCommitted)
const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }

export function modelBehaviour(start: StartHost): void {
  describe('models', () => {
    const client = useHost(start)

    it.each(models.map((entry) => [entry.manifest.name, entry] as const))(
      'answers the golden sample of %s within its tolerance',
      async (name, { sample, expected, manifest }) => {
        const { status, json } = await client.post(`/v1/models/${name}/predict`, sample)
        expect(status, JSON.stringify(json)).toBe(200)
        expect(json).toMatchObject({ model: name, version: manifest.version })
        expect(json).toHaveProperty('timings.run_ms')
        expect(
          largestDifference((json as { outputs: unknown }).outputs, expected.outputs),
        ).toBeLessThanOrEqual(expected.tolerance)
      },
    )

    it('is ready once the golden sample has passed', async () => {
      const { status, json } = await client.get('/v2/models/iris/ready')
      expect([status, json]).toEqual([200, { name: 'iris', ready: true }])
    })

    it('answers one input with one output and a list with a list, in order', async () => {
      const one = await client.post('/v1/models/language-id/predict', {
        inputs: "Ceci n'est pas une pipe",
        parameters: { top_k: 1 },
      })
      const list = await client.post('/v1/models/language-id/predict', {
        inputs: ["Ceci n'est pas une pipe", 'The quick brown fox jumps over the lazy dog'],
        parameters: { top_k: 1 },
      })
      expect(one.json).toMatchObject({ outputs: [{ label: 'fra' }] })
      expect(list.json).toMatchObject({ outputs: [[{ label: 'fra' }], [{ label: 'eng' }]] })
    })

    it('takes a version, an alias and latest', async () => {
      for (const version of ['1', 'stable', 'latest']) {
        const { status, json } = await client.post(`/v1/models/iris@${version}/predict`, iris)
        expect([status, json]).toMatchObject([200, { version: '1' }])
      }
    })

    it('takes an image as raw bytes, with its parameters in the query', async () => {
      const faces = models.find(({ manifest }) => manifest.name === 'faces')
      const image = Buffer.from(faces?.sample.inputs as string, 'base64')
      for (const headers of [
        { 'content-type': 'image/jpeg' },
        { 'content-type': 'application/octet-stream' },
      ]) {
        const all = await client.post('/v1/models/faces/predict', image, headers)
        expect(all.json).toMatchObject({
          outputs: [{ label: 'face', box: { xmin: expect.any(Number) } }],
        })
        const none = await client.post('/v1/models/faces/predict?threshold=1', image, headers)
        expect(none.json).toMatchObject({ outputs: [] })
      }
    })

    it('infers on tensors, flat or nested, with and without a version, and returns the id', async () => {
      for (const path of ['/v2/models/iris/infer', '/v2/models/iris/versions/1/infer']) {
        for (const data of [[5.1, 3.5, 1.4, 0.2], [[5.1, 3.5, 1.4, 0.2]]]) {
          const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 4], data }]
          const { status, json } = await client.post(path, { id: 'mine', inputs })
          expect([status, json]).toMatchObject([
            200,
            {
              model_name: 'iris',
              model_version: '1',
              id: 'mine',
              outputs: [
                { name: 'label', datatype: 'INT64', shape: [1], data: [0] },
                { name: 'probabilities', datatype: 'FP32', shape: [1, 3], data: [1, 0, 0] },
              ],
            },
          ])
        }
      }
    })

    it('returns the outputs that were asked for, in that order, and only those', async () => {
      const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 4], data: [6, 3, 5, 2] }]
      const outputs = [{ name: 'probabilities' }]
      const { json } = await client.post('/v2/models/iris/infer', { inputs, outputs })
      expect((json as { outputs: { name: string }[] }).outputs.map(({ name }) => name)).toEqual([
        'probabilities',
      ])
    })

    it('takes text tensors', async () => {
      const spam = models.find(({ manifest }) => manifest.name === 'spam')?.manifest
      const [input] = spam?.inputs ?? []
      const inputs = [
        { ...input, shape: input?.shape.map(() => 1), data: ['Win money now, click here'] },
      ]
      const { status, json } = await client.post('/v2/models/spam/infer', { inputs })
      expect(status, JSON.stringify(json)).toBe(200)
    })

    it('takes a compressed body and compresses a long answer where asked', async () => {
      const inputs = Array.from({ length: 40 }, () => [5.1, 3.5, 1.4, 0.2])
      const { status, headers, body } = await client.post(
        '/v1/models/iris/predict',
        gzipSync(JSON.stringify({ inputs })),
        {
          'content-type': 'application/json',
          'content-encoding': 'gzip',
          'accept-encoding': 'gzip',
        },
      )
      expect([status, headers['content-encoding']]).toEqual([200, 'gzip'])
      expect(JSON.parse(gunzipSync(body).toString())).toMatchObject({ model: 'iris' })
    })

    it('repeats the request id of the caller and makes one where there is none', async () => {
      const given = await client.post('/v1/models/iris/predict', iris, {
        'x-request-id': 'order-0815',
      })
      const made = await client.post('/v1/models/iris/predict', iris)
      expect(given.headers['x-request-id']).toBe('order-0815')
      expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    })
  })
}
