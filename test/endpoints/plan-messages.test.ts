import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ScheduledEvent, SQSEvent, SQSRecord } from 'aws-lambda'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { openBatch } from '#shared/endpoints/open-batch.ts'
import { openKeyStore } from '#shared/endpoints/open-key-store.ts'
import { openLedger } from '#shared/endpoints/open-ledger.ts'
import { onPlanMessages } from '#shared/endpoints/plan-messages.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { createLogger } from '#shared/observability/logger.ts'

const fixture = (name: string) => readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8')
const [record] = JSON.parse(fixture('sqs-event')).Records as [SQSRecord]
const eventOf = (body: string): SQSEvent => ({ Records: [{ ...record, body }] })
const created = fixture('s3-object-created')
const key = 'incoming/acme/spam/März 2026+1.jsonl'
const done = { batchItemFailures: [] }
const again = { batchItemFailures: [{ itemIdentifier: record.messageId }] }

let home: string
let batch: PublishingServices & { close(): Promise<void> }
let lines: string[]
let handle: (event: SQSEvent | ScheduledEvent) => ReturnType<ReturnType<typeof onPlanMessages>>
let close: () => Promise<void>

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'percall-plan-'))
  const environment = readEnvironment({ PERCALL_HOME: home })
  const [ledger, keyStore] = await Promise.all([openLedger(environment), openKeyStore(environment)])
  batch = await openBatch(environment, {
    ledger,
    keyStore,
    catalog: createCatalog(readModels('models', { parse: parseManifest })),
    prices: readPriceBook('models/price-book.json'),
  })
  lines = []
  const logger = createLogger({ write: (line) => lines.push(line) })
  const onMessages = onPlanMessages(async () => ({ batch, logger }))
  handle = (event) => onMessages(event, { getRemainingTimeInMillis: () => 900_000 })
  close = async () => {
    await batch.close()
    await ledger.close()
    keyStore.close?.()
  }
})
afterEach(async () => {
  await close()
  rmSync(home, { recursive: true })
})

const jobs = async () => (await batch.jobs.list({ tenant: 'acme', limit: 10 })).jobs
async function refusalOf(at: string): Promise<unknown> {
  const object = await batch.objects.head(at)
  if (!object) throw new Error(`There is nothing at ${at}.`)
  return JSON.parse((await readAll(batch.objects.read(object))).toString())
}
const put = (at = key) => batch.objects.put(at, Buffer.from('"Win a prize"\n'))

test('makes one job of one version of an object, however often S3 tells of it', async () => {
  await put()
  expect(await handle(eventOf(created))).toEqual(done)
  expect(await handle(eventOf(created))).toEqual(done)
  const [job, ...others] = await jobs()
  expect(others).toEqual([])
  expect(job).toMatchObject({
    state: 'planning',
    order: { tenant: 'acme', model: 'spam@1', input: { object: { key } } },
  })
})

test('plans the job that a message names', async () => {
  await put()
  await handle(eventOf(created))
  const [planned] = await batch.queues.plan.receive({ limit: 1, visibilityMs: 1_000 })
  expect(await handle(eventOf(planned?.body ?? ''))).toEqual(done)
  expect((await jobs())[0]).toMatchObject({ state: 'scoring', chunks: 1 })
})

test('is done with an event of an object that is gone, and with the trial of S3', async () => {
  expect(await handle(eventOf(created))).toEqual(done)
  expect(await handle(eventOf(fixture('s3-test-event')))).toEqual(done)
  expect(await jobs()).toEqual([])
})

test('tells of an object that can be no job, and is done with it', async () => {
  await put('incoming/acme/nobody/a.jsonl')
  const event = created.replace(/incoming[^"]*/, 'incoming/acme/nobody/a.jsonl')
  expect(await handle(eventOf(event))).toEqual(done)
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', location: 'incoming/acme/nobody/a.jsonl' },
  ])
  expect(await refusalOf('outgoing/acme/nobody/a.jsonl.refused.json')).toMatchObject({
    input: 'incoming/acme/nobody/a.jsonl',
    error: { code: 'model_not_found', fix: expect.any(String) },
  })
})

test('leaves word of a dropped file that turns out to hold no records', async () => {
  const dropped = 'incoming/acme/spam@1/2026/a.parquet'
  await batch.objects.put(dropped, Buffer.from('PAR1 and no footer'))
  await handle(eventOf(created.replace(/incoming[^"]*/, dropped)))
  const [planned] = await batch.queues.plan.receive({ limit: 1, visibilityMs: 1_000 })
  await handle(eventOf(planned?.body ?? ''))
  const [job] = await jobs()
  expect(job?.state).toBe('failed')
  expect(job?.problems).toHaveLength(1)
  expect(await refusalOf(`outgoing/acme/spam/a.parquet/${job?.id}/refused.json`)).toEqual({
    input: dropped,
    job: job?.id,
    problems: job?.problems,
  })
})

test('gives back a message that nobody understands, for the dead letters', async () => {
  expect(await handle(eventOf('no JSON'))).toEqual(again)
  expect(lines.join()).toContain('a batch message failed')
})

test('finds on its schedule what no event told of', async () => {
  await put()
  const scheduled = { source: 'aws.events', 'detail-type': 'Scheduled Event' } as ScheduledEvent
  expect(await handle(scheduled)).toBeUndefined()
  expect(await jobs()).toMatchObject([{ order: { input: { object: { key } } } }])
})
