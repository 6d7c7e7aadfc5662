import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DynamodbClient } from '#shared/aws/dynamodb-client.ts'
import { createDynamodbJobStore } from '#shared/batch/stores/dynamodb-job-store.ts'
import { createDeclaredTable, declaredResources } from '#test/servers/declared-table.ts'
import { startDynamoDbLocal, whyNoDynamoDbLocal } from '#test/servers/dynamodb-local.ts'
import { describeJobStore, newJob, reportOf, start } from './job-store-contract.ts'

const missing = whyNoDynamoDbLocal()
const table = 'jobs'
const resources = declaredResources('batch')

describe.skipIf(missing)(`jobs in DynamoDB ${missing ?? ''}`, () => {
  let server: Awaited<ReturnType<typeof startDynamoDbLocal>>
  let client: DynamodbClient
  let time = start
  const open = (through: DynamodbClient = client) =>
    createDynamodbJobStore({ client: through, table, now: () => time })

  beforeAll(async () => {
    server = await startDynamoDbLocal()
    client = server.connect()
    await createDeclaredTable(client, table, resources.JobTable)
  }, 90_000)
  afterAll(() => server?.stop())

  describeJobStore({
    open,
    setTime: (now) => {
      time = now
    },
  })

  /** Does what is asked, and then loses the answer once. */
  function losingAnswers(operation: string): DynamodbClient {
    let lost = false
    return {
      async call(name, input) {
        const answer = await client.call(name, input)
        if (name !== operation || lost) return answer
        lost = true
        return client.call(name, input)
      },
    }
  }

  test('change once, and say so, where the answer to the change is lost', async () => {
    const job = newJob()
    await open().create(job)
    const store = open(losingAnswers('UpdateItem'))
    const changed = await store.change(job.id, ['planning'], { state: 'scoring', at: start + 1 })
    expect(changed).toMatchObject({ state: 'scoring', changedAt: start + 1 })
    expect(await store.change(job.id, ['planning'], { state: 'scoring', at: start + 1 })).toBe(
      undefined,
    )
  })

  test('count a chunk once where the answer to it is lost', async () => {
    const job = newJob()
    await open().create(job)
    const store = open(losingAnswers('TransactWriteItems'))
    expect((await store.finishChunk(job.id, reportOf(0))).done.chunks).toBe(1)
  })

  test('are forgotten after they have ended, and their chunks, and no others', async () => {
    const store = open()
    const [ended, running] = [newJob(), newJob()]
    time = start
    for (const job of [ended, running]) {
      await store.create(job)
      await store.finishChunk(job.id, reportOf(0))
    }
    await store.change(ended.id, ['planning'], { state: 'cancelled', at: start + 1_000 })
    const { Items = [] } = await client.call('Scan', { TableName: table })
    const purgeAt = (id: string, sort: string) => {
      const item = Items.find(({ pk, sk }) =>
        [pk, sk].every((value, index) => Object(value).S === [`job#${id}`, sort][index]),
      )
      return item?.purgeAt && Number(Object(item.purgeAt).N)
    }
    // Time to live takes seconds; milliseconds would keep a job for 50,000 years.
    const kept = 400 * 86_400
    expect(purgeAt(ended.id, 'job')).toBe(start / 1_000 + 1 + kept)
    expect(purgeAt(running.id, 'job')).toBeUndefined()
    expect(purgeAt(running.id, 'chunk#0000000000')).toBe(start / 1_000 + kept)
  })

  test('are read to the last page, however short the pages are', async () => {
    const short: DynamodbClient = {
      call: (name, input) => client.call(name, name === 'Query' ? { ...input, Limit: 2 } : input),
    }
    const store = open(short)
    const tenant = `pages-${Math.random()}`
    const job = newJob({}, { tenant })
    await store.create(job)
    for (const chunk of [0, 1, 2, 3, 4]) await store.finishChunk(job.id, reportOf(chunk))
    expect(await store.reports(job.id, 0, 99)).toHaveLength(5)
    for (let more = 0; more < 4; more += 1) await store.create(newJob({}, { tenant }))
    expect((await store.list({ tenant, limit: 99 })).jobs).toHaveLength(5)
    expect((await store.list({ tenant, limit: 4, kind: 'input' })).jobs).toHaveLength(4)
  })
})
