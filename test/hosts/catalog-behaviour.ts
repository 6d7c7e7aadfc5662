import { existsSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { useHost } from './client.ts'
import type { StartHost } from './running-host.ts'

const names = readdirSync('models').filter((name) => existsSync(`models/${name}/manifest.json`))

export function catalogBehaviour(start: StartHost): void {
  describe('catalogue', () => {
    const client = useHost(start)

    it('lists the models for the clients of OpenAI, KServe and people', async () => {
      const { status, json } = await client.get('/v1/models')
      const { object, data, models } = json as {
        object: string
        data: { id: string; object: string }[]
        models: string[]
      }
      expect([status, object, models]).toEqual([200, 'list', names])
      expect(data.map(({ id }) => id)).toEqual(names)
      expect((await client.get('/v2/models')).json).toEqual({ models: names })
    })

    it('shows a model with a sample that can be sent as it is', async () => {
      const { status, json } = await client.get('/v1/models/iris')
      const { sample } = json as { sample: unknown }
      expect([status, json]).toMatchObject([
        200,
        { name: 'iris', labels: ['setosa', 'versicolor', 'virginica'] },
      ])
      expect((await client.post('/v1/models/iris/predict', sample)).status).toBe(200)
    })

    it('describes the tensors of a model, with and without a version', async () => {
      for (const path of ['/v2/models/iris', '/v2/models/iris/versions/1']) {
        expect((await client.get(path)).json).toMatchObject({
          name: 'iris',
          versions: ['1'],
          platform: 'onnx_onnxv1',
          inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 4] }],
        })
      }
    })

    it('is open about health and itself to callers without a key', async () => {
      const open = async (path: string) => {
        const { status, json } = await client.get(path, { authorization: '' })
        expect(status, path).toBe(200)
        return json
      }
      expect(await open('/v2/health/live')).toEqual({ live: true })
      expect(await open('/v2/health/ready')).toEqual({ live: true, ready: true })
      expect(await open('/')).toMatchObject({ status: 'alive' })
      expect(await open('/v2')).toMatchObject({ name: 'percall', extensions: [] })
      expect(await open('/v2/')).toMatchObject({ name: 'percall' })
    })

    it('publishes an OpenAPI document with a predict route for every model', async () => {
      const { status, json } = await client.get('/openapi.json', { authorization: '' })
      const { openapi, paths } = json as { openapi: string; paths: Record<string, unknown> }
      expect([status, openapi]).toEqual([200, '3.1.0'])
      expect(Object.keys(paths)).toEqual(
        expect.arrayContaining(names.map((name) => `/v1/models/${name}/predict`)),
      )
    })

    it('says where there is nothing, in the words of the route', async () => {
      const plain = await client.get('/nowhere')
      const v2 = await client.get('/v2/nowhere')
      expect([plain.status, plain.json]).toMatchObject([404, { code: 'route_not_found' }])
      expect([v2.status, v2.json]).toMatchObject([
        404,
        { error: expect.stringContaining('route_not_found') },
      ])
    })

    it('names the methods of a path that takes others', async () => {
      const { status, headers } = await client.get('/v1/models/iris/predict')
      expect([status, headers.allow]).toEqual([405, 'POST'])
    })
  })
}
