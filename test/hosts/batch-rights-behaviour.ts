import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type BatchCustomer, encodeForm, newBatchCustomer } from './batch-customer.ts'
import { useHost } from './client.ts'
import type { StartHost } from './running-host.ts'

const mails = '"Win a prize"\n"see you at lunch"\n'
const url = '/v1/models/spam/predict'
const calls = `${JSON.stringify({ custom_id: 'a', method: 'POST', url, body: { inputs: 'x' } })}\n`
const form = (fields: object) => {
  const made = new FormData()
  for (const [name, value] of Object.entries(fields)) made.append(name, value)
  return encodeForm(made)
}
const file = (content = calls) => new File([content], 'calls.jsonl')

/** Who may order batches and see them, and what is refused. */
export function batchRightsBehaviour(start: StartHost): void {
  describe('batches and who asks', () => {
    const client = useHost(start)
    let acme: BatchCustomer
    let globex: BatchCustomer
    beforeAll(async () => {
      acme = await newBatchCustomer(client)
      globex = await newBatchCustomer(client)
    })
    const bodyOf = ({ status, json }: { status: number; json: unknown }) => {
      const { request_id: _, ...rest } = json as Record<string, unknown>
      return [status, rest]
    }

    it('what is another tenant’s is answered as what does not exist', async () => {
      const fileId = await acme.upload(calls, 'calls.jsonl')
      const created = await acme.post('/v1/batches', {
        ...{ input_file_id: fileId, endpoint: url, completion_window: '24h' },
      })
      const { id: batch } = created.json as { id: string }
      const input = await acme.put('uploads/{tenant}/mails.jsonl', mails)
      const job = await acme.ended((await acme.order({ model: 'spam', input })).id)
      const nobody = {
        job: `job_${'0'.repeat(32)}`,
        batch: `batch_${'0'.repeat(32)}`,
        file: `file-${'0'.repeat(28)}`,
      }
      for (const [method, theirs, missing] of [
        ...['', '/events', '/results', '/errors', '/manifest'].map((path) => [
          'GET',
          `/v1/batch-jobs/${job.id}${path}`,
          `/v1/batch-jobs/${nobody.job}${path}`,
        ]),
        ...['/cancel', '/resume'].map((path) => [
          'POST',
          `/v1/batch-jobs/${job.id}${path}`,
          `/v1/batch-jobs/${nobody.job}${path}`,
        ]),
        ['GET', `/v1/batches/${batch}`, `/v1/batches/${nobody.batch}`],
        ['POST', `/v1/batches/${batch}/cancel`, `/v1/batches/${nobody.batch}/cancel`],
        ['GET', `/v1/files/${fileId}`, `/v1/files/${nobody.file}`],
        ['GET', `/v1/files/${fileId}/content`, `/v1/files/${nobody.file}/content`],
        ['DELETE', `/v1/files/${fileId}`, `/v1/files/${nobody.file}`],
      ] as [string, string, string][]) {
        const ask = (path: string) =>
          method === 'POST' ? globex.post(path) : globex.ask(method, path)
        const refused = bodyOf(await ask(theirs))
        expect(refused, theirs).toEqual(bodyOf(await ask(missing)))
        expect(refused[0], theirs).toBe(404)
      }
      for (const body of [
        { model: 'spam', input_file_id: fileId },
        { model: 'spam', input },
        { model: 'spam', input_prefix: `uploads/${acme.tenant}/` },
        { model: 'spam', input: job.outputs[0]?.key },
      ]) {
        for (const dry_run of [false, true]) {
          const { status } = await globex.post('/v1/batch-jobs', { ...body, dry_run })
          expect(status, JSON.stringify(body)).toBe(404)
        }
      }
      expect((await acme.get(`/v1/files/${fileId}`)).status).toBe(200)
    })

    it('a cursor of another tenant opens nothing', async () => {
      const fileId = await acme.upload(calls, 'calls.jsonl')
      const input = await acme.put('uploads/{tenant}/cursor.jsonl', mails)
      const { id } = await acme.order({ model: 'spam', input })
      for (const path of [
        `/v1/batch-jobs?after=${id}`,
        `/v1/batches?after=${id.replace('job_', 'batch_')}`,
        `/v1/files?after=${fileId}`,
      ]) {
        const { status, json } = await globex.get(path)
        expect([status, json], path).toMatchObject([200, { data: [], has_more: false }])
      }
      await acme.ended(id)
    })

    it('a tenant whose name begins like another’s reads nothing of his', async () => {
      await acme.put('uploads/{tenant}-2/secret.jsonl', mails)
      for (const place of ['uploads/{tenant}', 'uploads/{tenant}-2/', 'uploads/', 'jobs/', '']) {
        const input_prefix = place.replace('{tenant}', acme.tenant)
        const { status } = await acme.post('/v1/batch-jobs', { model: 'spam', input_prefix })
        expect(status, place).toBe(place === '' ? 422 : 404)
      }
      for (const place of ['../', './', '{tenant}/../', '//']) {
        const input = `uploads/${acme.tenant}/${place.replace('{tenant}', acme.tenant)}secret.jsonl`
        const { status } = await acme.post('/v1/batch-jobs', { model: 'spam', input })
        expect([404, 422], place).toContain(status)
      }
    })

    it('a key for some models orders only those', async () => {
      const iris = acme.as(await acme.keyOf(['predict'], { models: ['iris'] }))
      const input = await acme.put('uploads/{tenant}/limited.jsonl', mails)
      const refused = await iris.post('/v1/batch-jobs', { model: 'spam@1', input })
      expect(refused.status).toBe(403)
      const input_file_id = await iris.upload(calls, 'calls.jsonl')
      const batch = { input_file_id, endpoint: url, completion_window: '24h' }
      expect((await iris.post('/v1/batches', batch)).status).toBe(403)
      const reader = acme.as(await acme.keyOf(['models:read']))
      expect((await reader.post('/v1/batch-jobs', { model: 'spam', input })).status).toBe(403)
      expect((await reader.get('/v1/files')).status).toBe(403)
    })

    it('a test key scores for nothing', async () => {
      const poor = await newBatchCustomer(client)
      const tester = poor.as(await poor.keyOf(['predict'], { mode: 'test' }))
      const input = await poor.put('uploads/{tenant}/free.jsonl', mails)
      const order = { model: 'spam', input, max_charge_micros: 0 }
      const { id } = (await tester.post('/v1/batch-jobs', order)).json as { id: string }
      expect(await poor.ended(id)).toMatchObject({ state: 'published', results: 2, cost_micros: 0 })
      expect(await poor.charged()).toBe(0)
    })

    it.each([
      ['no input', { input: undefined }, 'parameter_invalid', /input/],
      ['two inputs', { input_prefix: 'uploads/' }, 'parameter_invalid', /input/],
      ['a member that is unknown', { inputs: 'a' }, 'parameter_invalid', /not known/],
      ['no model', { model: undefined }, 'parameter_invalid', /"model"/],
      ['a model that is not there', { model: 'nope' }, 'model_not_found', /nope/],
      ['a version that is not there', { model: 'spam@9' }, 'version_not_found', /9/],
      ['another format', { format: 'xml' }, 'parameter_invalid', /"format"/],
      ['an output of another format', { output_format: 'xls' }, 'parameter_invalid', /output/],
      ['a negative cap', { max_charge_micros: -1 }, 'amount_invalid', /max_charge_micros/],
      ['a parameter of no task', { parameters: { nonsense: 1 } }, 'parameter_invalid', /nonsense/],
      ['a column that is no name', { parameters: { column: 5 } }, 'parameter_invalid', /column/],
      ['a time that is none', { expires_at: 'soon' }, 'parameter_invalid', /expires_at/],
      ['a time that is over', { expires_at: '2020-01-01' }, 'parameter_invalid', /expires_at/],
      ['a count without a dry run', { exact: true }, 'parameter_invalid', /"exact"/],
      [
        'an id that is none',
        { input: undefined, input_file_id: '../x' },
        'parameter_invalid',
        /input_file_id/,
      ],
    ])('an order is refused with %s', async (_, change, code, why) => {
      const input = await acme.put('uploads/{tenant}/refused.jsonl', mails)
      const { status, json } = await acme.post('/v1/batch-jobs', {
        ...{ model: 'spam', input },
        ...change,
      })
      expect([404, 422]).toContain(status)
      expect(json).toMatchObject({ code, detail: expect.stringMatching(why) })
    })

    it.each([
      ['no file', () => form({ purpose: 'batch' }), 400, 'upload_invalid'],
      ['no purpose', () => form({ file: file() }), 400, 'upload_invalid'],
      [
        'another purpose',
        () => form({ purpose: 'fine-tune', file: file() }),
        400,
        'upload_invalid',
      ],
      [
        'two files',
        async () => {
          const made = new FormData()
          made.append('purpose', 'batch')
          for (const name of ['file', 'file']) made.append(name, file())
          return encodeForm(made)
        },
        400,
        'upload_invalid',
      ],
      [
        'a time that is too short',
        () =>
          form({
            purpose: 'batch',
            file: file(),
            'expires_after[anchor]': 'created_at',
            'expires_after[seconds]': '60',
          }),
        400,
        'upload_invalid',
      ],
      [
        'no boundary',
        async () => ({ ...(await form({ file: file() })), contentType: 'multipart/form-data' }),
        400,
        'upload_invalid',
      ],
      [
        'JSON',
        async () => ({ body: Buffer.from('{}'), contentType: 'application/json' }),
        415,
        'unsupported_media_type',
      ],
      [
        'half a form',
        async () => {
          const { body, contentType } = await form({ purpose: 'batch', file: file() })
          return { body: body.subarray(0, body.length - 60), contentType }
        },
        400,
        'upload_invalid',
      ],
      [
        'nothing at all',
        async () => ({ body: Buffer.alloc(0), contentType: 'multipart/form-data; boundary=x' }),
        400,
        'upload_invalid',
      ],
    ] as const)(
      'an upload is refused with %s, in words of OpenAI',
      async (_, make, status, code) => {
        const listed = async () => (await acme.get('/v1/files')).json as { data: unknown[] }
        const before = await listed()
        const { body, contentType } = await make()
        const headers = { authorization: acme.authorization, 'content-type': contentType }
        const answer = await client.request('POST', '/v1/files', body, headers)
        expect([answer.status, answer.json]).toEqual([
          status,
          {
            error: {
              message: expect.any(String),
              type: 'invalid_request_error',
              param: null,
              code,
            },
          },
        ])
        expect(await listed()).toEqual(before)
      },
    )

    it.each([
      '../../../etc/passwd',
      '.hidden',
      'a b/ü?*<>.jsonl',
      `${'x'.repeat(300)}.jsonl`,
      'COM1.jsonl\u0000.exe',
    ])('an upload may be called %j and lies where it should', async (name) => {
      const id = await acme.upload(mails, name)
      const content = await acme.get(`/v1/files/${id}/content`)
      expect(Buffer.from(content.body).toString()).toBe(mails)
      expect(content.headers['content-disposition']).toMatch(
        /^attachment; filename="[\w.-]{1,100}"$/,
      )
      const job = await acme.ended((await acme.order({ model: 'spam', input_file_id: id })).id)
      expect(job).toMatchObject({ state: 'published', results: 2 })
      expect(job.input).toMatch(new RegExp(`^uploads/${acme.tenant}/${id}/[\\w-][\\w.-]*$`))
    })

    it('failures of files and batches are told in words of OpenAI', async () => {
      const nobody = { authorization: `Bearer pc_live_${randomUUID()}` }
      for (const [answer, status, type] of [
        [await client.get('/v1/files', nobody), 401, 'authentication_error'],
        [await client.post('/v1/batches', {}, nobody), 401, 'authentication_error'],
        [await acme.get('/v1/files/file-0000000000000000'), 404, 'invalid_request_error'],
        [await acme.get('/v1/batches/none/such'), 404, 'invalid_request_error'],
        [await client.request('PATCH', '/v1/files'), 405, 'invalid_request_error'],
        [await acme.post('/v1/batches', { endpoint: url }), 400, 'invalid_request_error'],
        [await acme.get('/v1/batches?limit=101'), 400, 'invalid_request_error'],
        [await acme.get('/v1/batches?purpose=batch'), 400, 'invalid_request_error'],
        [await acme.get('/v1/files?order=up'), 400, 'invalid_request_error'],
      ] as const) {
        expect([answer.status, answer.json]).toMatchObject([
          status,
          { error: { type, message: expect.any(String), param: null, code: expect.any(String) } },
        ])
        expect(answer.headers['x-request-id']).toEqual(expect.any(String))
      }
      const key = await acme.keyOf(['predict'], { limits: { rate: { perMinute: 1, burst: 1 } } })
      const hasty = acme.as(key)
      expect((await hasty.get('/v1/batches')).status).toBe(200)
      const { status, json, headers } = await hasty.get('/v1/batches')
      expect([status, json]).toMatchObject([429, { error: { type: 'rate_limit_error' } }])
      expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1)
    })
  })
}
