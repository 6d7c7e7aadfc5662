import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'
import { beforeAll, describe, expect, it } from 'vitest'
import { readEvents } from '#test/support/read-events.ts'
import { type BatchCustomer, linesOf, newBatchCustomer } from './batch-customer.ts'
import { useHost } from './client.ts'
import type { StartHost } from './running-host.ts'

const texts = ['Win a free prize, call now', 'see you at lunch', 'URGENT! claim your reward']
const mails = texts.map((text, at) => `${JSON.stringify({ id: `m${at}`, text })}\n`).join('')
const flowers =
  'name,sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\nfirst,5.1,3.5,1.4,0.2\n"a ""second""",6.7,3.1,5.6,2.4\n'

/** Files that are scored, over HTTP and by what is dropped into the store. A record costs 100 micros. */
export function batchBehaviour(start: StartHost): void {
  describe('batches', () => {
    const client = useHost(start)
    let acme: BatchCustomer
    beforeAll(async () => {
      acme = await newBatchCustomer(client)
    })
    const score = async (body: object) => acme.ended((await acme.order(body)).id)

    it('score every record of an uploaded file once and in order, and charge for results', async () => {
      const charged = await acme.charged()
      const input = `${mails}not json\n{"id": "m4", "text": "lunch?"}`
      const ordered = await acme.order({
        model: 'spam',
        input_file_id: await acme.upload(input, 'mails.jsonl'),
        parameters: { top_k: 1 },
      })
      expect(ordered).toMatchObject({
        id: expect.stringMatching(/^job_[0-9a-f]{32}$/),
        model: 'spam@1',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        outputs: [],
      })
      const job = await acme.ended(ordered.id)
      expect(job).toMatchObject({
        state: 'published',
        results: 4,
        errors: 1,
        cost_micros: 400,
        progress: { percent: 100, seconds_left: null },
      })
      const results = linesOf(await acme.output(job, 'results'))
      expect(results.map(({ record, id }) => [record, id])).toEqual([
        [1, 'm0'],
        [2, 'm1'],
        [3, 'm2'],
        [5, 'm4'],
      ])
      const called = await acme.post('/v1/models/spam/predict', {
        inputs: [...texts, 'lunch?'],
        parameters: { top_k: 1 },
      })
      const { outputs } = called.json as { outputs: unknown[] }
      expect(results.map((result) => result.outputs)).toEqual(outputs)
      expect(linesOf(await acme.output(job, 'errors'))).toEqual([
        {
          record: 4,
          line: 4,
          offset: Buffer.byteLength(mails),
          error: { code: 'json_invalid', detail: expect.any(String) },
        },
      ])
      const manifest = JSON.parse((await acme.output(job, 'manifest')).toString())
      expect(manifest).toMatchObject({ job: job.id, records: 5, results: 4, charge_micros: '400' })
      // With the call whose answer is the same.
      expect((await acme.charged()) - charged).toBe(500)
    })

    it('read an object of the store: CSV, whose columns are carried into CSV and Parquet', async () => {
      const input = await acme.put('uploads/{tenant}/flowers.csv', flowers)
      const order = { model: 'iris', input, join: true, parameters: { top_k: 1 } }
      const csv = await score({ ...order, output_format: 'csv' })
      const [header, first, second] = (await acme.output(csv, 'results')).toString().split('\n')
      expect(header).toMatch(/^record,id,label,.*,input\.name,input\.sepal length \(cm\)/)
      expect(first).toMatch(/first,5\.1,3\.5,1\.4,0\.2/)
      expect(second).toContain('"a ""second"""')
      const parquet = await score({ ...order, output_format: 'parquet' })
      const bytes = await acme.output(parquet, 'results')
      const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)
      const rows = await parquetReadObjects({ file: file as ArrayBuffer })
      expect(rows).toMatchObject([
        { record: 1n, 'input.name': 'first', 'input.petal length (cm)': '1.4' },
        { record: 2n, 'input.name': 'a "second"' },
      ])
    })

    it('read what is packed as what it is unpacked', async () => {
      const [packed, plain] = [
        await acme.put('uploads/{tenant}/mails.jsonl.gz', gzipSync(mails)),
        await acme.put('uploads/{tenant}/mails.jsonl', mails),
      ]
      const [one, other] = [
        await score({ model: 'spam', input: packed }),
        await score({ model: 'spam', input: plain }),
      ]
      expect(await acme.output(one, 'results')).toEqual(await acme.output(other, 'results'))
    })

    it('read all images under a prefix, each a record that is called by its key', async () => {
      const { inputs } = JSON.parse(readFileSync('models/fashion/sample.json', 'utf8'))
      for (const name of ['a', 'c']) {
        await acme.put(`uploads/{tenant}/shots/${name}.png`, Buffer.from(inputs, 'base64'))
      }
      await acme.put('uploads/{tenant}/shots/b.png', 'this is no image')
      await acme.put('uploads/{tenant}/shots-of-others.png', 'this does not lie there')
      const prefix = `uploads/${acme.tenant}/shots/`
      const job = await score({ model: 'fashion', input_prefix: prefix })
      expect(job).toMatchObject({ state: 'published', results: 2, errors: 1 })
      const results = linesOf(await acme.output(job, 'results'))
      expect(results.map(({ record, id }) => [record, id])).toEqual([
        [1, `${prefix}a.png`],
        [3, `${prefix}c.png`],
      ])
      expect(linesOf(await acme.output(job, 'errors'))).toMatchObject([
        { record: 2, id: `${prefix}b.png` },
      ])
    })

    it('begin by themselves when a file is dropped into the store', async () => {
      await acme.put('incoming/{tenant}/iris@1/dropped.csv', flowers)
      const dropped = async () => {
        const { json } = await acme.get('/v1/batch-jobs?limit=1')
        const [newest] = (json as { data: { id: string; input: string }[] }).data
        return newest?.input.endsWith('dropped.csv') ? newest : undefined
      }
      const { id } = await expect
        .poll(dropped, { timeout: 15_000 })
        .toBeDefined()
        .then(async () => (await dropped()) ?? { id: '' })
      expect(await acme.ended(id)).toMatchObject({
        state: 'published',
        results: 2,
        cost_micros: 200,
      })
    })

    it('tell of every step as server-sent events, never going back, and end', async () => {
      const input = await acme.put(
        'uploads/{tenant}/many.jsonl',
        '"a text of many"\n'.repeat(20_000),
      )
      const { id } = await acme.order({ model: 'spam', input })
      const stream = await acme.get(`/v1/batch-jobs/${id}/events`)
      expect(stream.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
      })
      const events = readEvents(Buffer.from(stream.body).toString())
      const jobs = events.map(({ data }) => JSON.parse(data))
      expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['message']))
      expect(jobs.at(-1)).toMatchObject({ id, state: 'published', results: 20_000 })
      expect(jobs.at(-1).progress.percent).toBe(100)
      const done = jobs.map(({ results, progress }) => [progress.bytes_done, results])
      expect(done).toEqual(done.toSorted(([a], [b]) => Number(a) - Number(b)))
      const seen = { 'last-event-id': events.at(-1)?.lastEventId ?? '' }
      expect((await acme.get(`/v1/batch-jobs/${id}/events`, seen)).status).toBe(204)
    })

    it('say beforehand what they cost: an exact estimate is the charge', async () => {
      const input = await acme.put('uploads/{tenant}/estimate.jsonl', mails.repeat(500))
      const before = await acme.charged()
      const estimate = async (body: object) => {
        const answer = await acme.post('/v1/batch-jobs', {
          ...{ model: 'spam', input, dry_run: true },
          ...body,
        })
        expect(answer.status).toBe(200)
        return answer.json as { records: object; price_micros: { low: number; high: number } }
      }
      const rough = await estimate({})
      expect(rough).toMatchObject({ object: 'batch_estimate', model: 'spam@1', format: 'jsonl' })
      expect(rough.price_micros.low).toBeLessThanOrEqual(150_000)
      expect(rough.price_micros.high).toBeGreaterThanOrEqual(150_000)
      const exact = await estimate({ exact: true })
      expect(exact.records).toEqual({ low: 1_500, high: 1_500 })
      expect(await acme.charged()).toBe(before)
      const job = await score({ model: 'spam', input })
      expect(exact.price_micros).toEqual({ low: job.cost_micros, high: job.cost_micros })
      expect((await acme.charged()) - before).toBe(job.cost_micros)
    })

    it('pause at a cap, and go on when it is raised', async () => {
      const input = await acme.put('uploads/{tenant}/capped.jsonl', mails)
      const paused = await score({ model: 'spam', input, max_charge_micros: 250 })
      expect(paused).toMatchObject({
        state: 'paused',
        cost_micros: 0,
        max_charge_micros: 250,
        problems: [{ code: 'spend_cap_reached' }],
      })
      const resume = `/v1/batch-jobs/${paused.id}/resume`
      for (const lower of [249, 0]) {
        const { status, json } = await acme.post(resume, { max_charge_micros: lower })
        expect([status, json]).toMatchObject([422, { code: 'amount_invalid' }])
      }
      const { status, json } = await acme.post(resume, { max_charge_micros: '300' })
      expect([status, json]).toMatchObject([200, { max_charge_micros: 300 }])
      expect(await acme.ended(paused.id)).toMatchObject({ state: 'published', cost_micros: 300 })
      const again = await acme.post(resume)
      expect([again.status, again.json]).toMatchObject([409, { code: 'job_not_paused' }])
    })

    it('are the same when they are ordered again under one key, and another is refused', async () => {
      const input = await acme.put('uploads/{tenant}/once.jsonl', mails)
      const once = { 'idempotency-key': 'nightly run' }
      const [one, other] = await Promise.all([
        acme.order({ model: 'spam', input }, once),
        acme.order({ model: 'spam', input }, once),
      ])
      expect(other.id).toBe(one.id)
      await acme.ended(one.id)
      expect((await acme.order({ model: 'spam', input }, once)).state).toBe('published')
      const reused = await acme.post('/v1/batch-jobs', { model: 'spam', input, join: true }, once)
      expect([reused.status, reused.json]).toMatchObject([422, { code: 'idempotency_key_reused' }])
      expect((await acme.order({ model: 'spam', input })).id).not.toBe(one.id)
    })

    it('stop where they are cancelled, also again', async () => {
      const input = await acme.put('uploads/{tenant}/long.jsonl', '"a text"\n'.repeat(100_000))
      const { id } = await acme.order({ model: 'spam', input })
      const cancel = `/v1/batch-jobs/${id}/cancel`
      expect((await acme.post(cancel)).json).toMatchObject({
        state: expect.stringMatching(/^cancel/),
      })
      const job = await acme.ended(id)
      expect(job).toMatchObject({ state: 'cancelled', cost_micros: job.results * 100 })
      expect((await acme.post(cancel)).json).toMatchObject({ state: 'cancelled' })
      expect((await acme.get(`/v1/batch-jobs/${id}/results`)).status).toBe(200)
    })

    it('fail as a whole where nothing can be read, and say why', async () => {
      const input = await acme.put('uploads/{tenant}/broken.parquet', 'PAR1 this is none PAR1')
      const job = await score({ model: 'iris', input })
      expect(job).toMatchObject({
        state: 'failed',
        cost_micros: 0,
        problems: [{ code: 'batch_input_invalid', message: expect.any(String) }],
      })
      const results = await acme.get(`/v1/batch-jobs/${job.id}/results`)
      expect([results.status, results.json]).toMatchObject([404, { code: 'resource_not_found' }])
    })
  })
}
