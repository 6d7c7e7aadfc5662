import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Job } from '#shared/batch/job.ts'
import { hasEnded } from '#shared/batch/job-progress.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { openBatch } from '#shared/endpoints/open-batch.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { openLocalBatch } from '#test/batch/local-batch.ts'
import { type LambdaHost, startLambdaHost } from '#test/hosts/lambda-host.ts'
import { type LocalAws, startLocalAws } from '#test/servers/local-aws.ts'
import { type BatchStages, startBatchStages } from './batch-stages.ts'

const records = 32_000
const texts = Array.from({ length: records }, (_, index) =>
  JSON.stringify({ text: `Win prize ${(index * 7_919) % 10_007}, call now` }),
)
const input = Buffer.from(`${texts.join('\n')}\nnot json\n`)
const key = 'incoming/acme/spam/März 2026+1.jsonl'

const fixture = (name: string) =>
  readFileSync(new URL(`../endpoints/${name}.json`, import.meta.url), 'utf8')

describe('batches on AWS', () => {
  let aws: LocalAws
  let host: LambdaHost
  let batch: PublishingServices & { close(): Promise<void> }
  let stages: BatchStages
  let apiKey: string

  beforeAll(async () => {
    aws = await startLocalAws()
    const { environment, ledger, keyStore, pepper } = await aws.deploy()
    await ledger.putAccount({ tenant: 'acme', currency: 'USD', mode: 'postpaid', limits: {} })
    const manager = createKeyManager({ keyStore, pepper, tenant: 'acme' })
    apiKey = (await manager.create({ name: 'tests', mode: 'live', scopes: ['predict'] })).key
    batch = await openBatch(readEnvironment(environment), {
      ledger,
      keyStore,
      catalog: createCatalog(readModels('models', { parse: parseManifest })),
      prices: readPriceBook('models/price-book.json'),
    })
    host = startLambdaHost(environment)
    stages = startBatchStages(host, environment)
  })
  afterAll(async () => {
    await stages?.stop()
    await host?.stop()
    await batch?.close()
    await aws?.stop()
  })

  const logs = () =>
    ['plan', 'score', 'publish'].map((stage) => host.functionOf(`batch-${stage}`).logs()).join('')
  const get = (path: string) =>
    host.request({ method: 'GET', path, headers: { 'x-api-key': apiKey } })
  async function post(path: string, type: string, body: string) {
    const headers = { 'x-api-key': apiKey, 'content-type': type }
    const answer = await host.request({ method: 'POST', path, headers, body })
    return { status: answer.status, json: JSON.parse(Buffer.from(answer.body).toString()) }
  }
  const find = async (id: string): Promise<Job> => {
    const job = await batch.jobs.find(id)
    if (!job) throw new Error(`There is no job ${id}.`)
    return job
  }
  async function finish(id: string): Promise<Job> {
    for (;;) {
      const job = await find(id)
      if (hasEnded(job) || job.state === 'paused') return job
      await sleep(50)
    }
  }
  /** The chunks that are being scored. */
  const held = () => batch.ledger.expiredLeases(Number.MAX_SAFE_INTEGER, 10)

  it('scores a file that S3 tells of, to the same bytes as one machine does, though functions die', {
    timeout: 180_000,
  }, async () => {
    const local = await openLocalBatch({
      chunkSizes: { bytes: () => 100_003, parquetRows: 50, listBytes: 500 },
    })
    const expected = local.order({ model: 'spam' }, input).then(local.finish)

    await batch.objects.put(key, input)
    const event = { body: fixture('s3-object-created'), group: 'acme' }
    await batch.queues.plan.send([{ body: fixture('s3-test-event'), group: 'acme' }, event, event])
    // Killed while a chunk is reserved and not settled.
    const score = host.functionOf('batch-score')
    let orphans = await held()
    while (orphans.length === 0) {
      await sleep(5)
      if ((await held()).length === 0) continue
      await score.kill()
      orphans = await held()
    }
    const { jobs } = await batch.jobs.list({ tenant: 'acme', limit: 10 })
    expect(jobs.length).toBe(1)
    const job = await finish(jobs[0]?.id ?? '')

    expect(job, logs()).toMatchObject({ state: 'published', done: { results: records, errors: 1 } })
    expect(job.chunks).toBeGreaterThan(4)
    expect(stages.sources.score.invocations.some(({ failure }) => failure)).toBe(true)
    expect(await auditJob(job, batch)).toEqual([])
    const { charge } = job.done
    expect(charge).toBe((await expected).done.charge)
    expect(await batch.ledger.account('acme')).toMatchObject({ spent: charge, held: 0n })

    const path = `/v1/batch-jobs/${job.id}`
    expect(JSON.parse(Buffer.from((await get(path)).body).toString())).toMatchObject({
      state: 'published',
      results: records,
    })
    // Too large to be an answer of a function: the store itself gives it.
    const results = await get(`${path}/results`)
    expect(results.status).toBe(307)
    const download = await fetch(results.headers.location ?? '')
    const bytes = Buffer.from(await download.arrayBuffer())
    expect(bytes.equals(Buffer.from(await local.output(await expected, 'results')))).toBe(true)
    const errors = Buffer.from((await get(`${path}/errors`)).body).toString()
    expect(errors).toBe(await local.output(await expected, 'errors'))
    await local.close()
  })

  it('takes an upload and an order over HTTP, and tells how far the job is', async () => {
    const form = [
      '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch',
      '--b\r\ncontent-disposition: form-data; name="file"; filename="in.csv"\r\n\r\ntext\nWin',
      '--b--\r\n',
    ].join('\r\n')
    const file = await post('/v1/files', 'multipart/form-data; boundary=b', form)
    expect(file, logs()).toMatchObject({ status: 200, json: { object: 'file', bytes: 8 } })
    const order = { model: 'spam', input_file_id: file.json.id }
    const place = (changes: object) =>
      post('/v1/batch-jobs', 'application/json', JSON.stringify({ ...order, ...changes }))
    const estimate = await place({ dry_run: true, exact: true })
    expect(estimate).toMatchObject({ status: 200, json: { records: { low: 1, high: 1 } } })
    const { status, json } = await place({ output_format: 'csv' })
    expect([status, json.state]).toEqual([202, 'planning'])
    await finish(json.id)
    const events = await get(`/v1/batch-jobs/${json.id}/events`)
    expect(Buffer.from(events.body).toString()).toContain('"state":"published"')
    const results = await get(`/v1/batch-jobs/${json.id}/results`)
    expect(results.headers['content-type']).toBe('text/csv; charset=utf-8')
    expect(Buffer.from(results.body).toString()).toMatch(/^record,.*\r?\n1,/)
  })

  it('finds by its schedule what no event told of', async () => {
    const lost = 'incoming/acme/spam/lost.jsonl'
    await batch.objects.put(lost, Buffer.from('"Win a prize"\n'))
    const { failure } = await host
      .functionOf('batch-plan')
      .invoke({ source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} })
    expect(failure, logs()).toBeUndefined()
    const { jobs } = await batch.jobs.list({ tenant: 'acme', limit: 10 })
    const found = jobs.find(({ order }) => order.output.prefix.includes('/lost.jsonl/'))
    const job = await finish(found?.id ?? '')
    // Told of now, it is the very job that is there.
    expect((await receiveObject(lost, batch))?.id).toBe(job.id)
    expect(job).toMatchObject({ state: 'published', done: { results: 1 } })
    const results = await get(`/v1/batch-jobs/${job.id}/results`)
    expect(results.status).toBe(200)
    const stored = await batch.objects.head(`${job.order.output.prefix}results.jsonl`)
    const bytes = stored && (await readAll(batch.objects.read(stored)))
    expect(Buffer.from(results.body)).toEqual(bytes)
  })
})
