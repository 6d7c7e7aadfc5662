import { randomUUID } from 'node:crypto'
import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import {
  type DynamodbClient,
  type DynamodbItem,
  DynamodbRefusal,
} from '#shared/aws/dynamodb-client.ts'
import { queryTable, type TableQuery } from '#shared/aws/dynamodb-query.ts'
import { attributeNames, writeTogether } from '#shared/aws/dynamodb-write.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ChunkReport } from '../chunk.ts'
import type { Job } from '../job.ts'
import { hasEnded } from '../job-progress.ts'
import type { JobStore } from '../job-store.ts'
import { markSlot } from '../progress-marks.ts'
import { jobItem, jobKeys } from './dynamodb-job-item.ts'

const { text, number, readText } = attributes

export interface DynamodbJobStoreOptions {
  readonly client: DynamodbClient
  /** The table that `resources.yml` declares. */
  readonly table: string
  /** Ended jobs and reports of chunks are forgotten after so long. */
  readonly keptMs?: number
  readonly now?: () => number
  readonly newId?: () => string
}

/** Jobs read at a time. */
const readTogether = 20

/** Jobs and their finished chunks in one DynamoDB table, for any number of functions at once. */
export function createDynamodbJobStore(options: DynamodbJobStoreOptions): JobStore {
  const { client, table, keptMs = 400 * 86_400_000, now = Date.now, newId = randomUUID } = options

  async function find(id: string): Promise<Job | undefined> {
    const input = { TableName: table, Key: jobKeys.job(id), ConsistentRead: true }
    const { Item } = await client.call('GetItem', input)
    return Item && jobItem.toJob(Item)
  }

  /** Of an index only the keys are read: what it holds may be older than the jobs themselves. */
  async function findAll(items: readonly DynamodbItem[]): Promise<Job[]> {
    const jobs: Job[] = []
    for (let start = 0; start < items.length; start += readTogether) {
      const some = items.slice(start, start + readTogether)
      const found = await Promise.all(some.map((item) => find(jobKeys.readId(item))))
      jobs.push(...found.filter((job) => job !== undefined))
    }
    return jobs
  }

  const query = (input: Omit<TableQuery, 'table'>): Promise<DynamodbItem[]> =>
    Array.fromAsync(queryTable(client, { ...input, table }))

  return {
    find,

    async create(job) {
      const condition = 'attribute_not_exists(#pk)'
      const target = { put: jobItem.fromJob(job) }
      return (await writeTogether(client, [{ table, target, condition }])) ? 'exists' : 'created'
    },

    async list({ tenant, after, limit, kind }) {
      const last = after === undefined ? undefined : await find(after)
      if (after !== undefined && last?.order.tenant !== tenant) return { jobs: [], more: false }
      const items = await query({
        index: 'tenants',
        condition: `#jobsOf = :tenant${last ? ' AND #position < :last' : ''}`,
        filter: kind && '#kind = :kind',
        values: {
          ':tenant': text(tenant),
          ...(last && { ':last': jobKeys.position(last.createdAt, last.id) }),
          ...(kind && { ':kind': text(kind) }),
        },
        newestFirst: true,
        limit: limit + 1,
      })
      return { jobs: await findAll(items.slice(0, limit)), more: items.length > limit }
    },

    async change(id, from, change) {
      if (from.length === 0) return undefined
      const changeId = newId()
      const states = from.map((state, index): [string, DynamodbItem[string]] => [
        `:from${index}`,
        text(state),
      ])
      const condition = `#state IN (${states.map(([name]) => name)})`
      const { update, values } = jobItem.changeOf(change, keptMs, changeId)
      try {
        const { Attributes } = await client.call('UpdateItem', {
          TableName: table,
          Key: jobKeys.job(id),
          UpdateExpression: update,
          ConditionExpression: condition,
          ExpressionAttributeNames: attributeNames(update, condition),
          ExpressionAttributeValues: { ...values, ...Object.fromEntries(states) },
          ReturnValues: 'ALL_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        })
        return Attributes && jobItem.toJob(Attributes)
      } catch (error) {
        if (!(error instanceof DynamodbRefusal)) throw error
        // This very change got through before, and the answer to it was lost.
        const isDone = error.item?.changeId && readText(error.item, 'changeId') === changeId
        return error.item && isDone ? jobItem.toJob(error.item) : undefined
      }
    },

    async finishChunk(id, report) {
      const at = now()
      const slot = markSlot(report.chunk)
      const refused = await writeTogether(client, [
        {
          table,
          target: { put: jobItem.fromReport(id, report, at + keptMs) },
          condition: 'attribute_not_exists(#pk)',
        },
        {
          table,
          target: { update: jobKeys.job(id) },
          update: `SET #changedAt = :at, #markedAt${slot} = :at,
            #markedBytes${slot} = #doneBytes + :bytes ADD #doneChunks :one, #doneBytes :bytes,
            #doneResults :results, #doneErrors :errors, #doneCharge :charge`,
          condition: 'attribute_exists(#pk)',
          values: { ':at': number(at), ':one': number(1), ...countsOf(report) },
        },
      ])
      const job = refused?.[1] ? undefined : await find(id)
      if (job) return job
      throw new ServiceError('store_unavailable', {
        cause: new Error('A chunk belongs to a job that does not exist.'),
      })
    },

    async reports(id, first, limit) {
      const { pk, sk } = jobKeys.chunk(id, first)
      const condition = '#pk = :pk AND #sk BETWEEN :first AND :last'
      const { sk: last } = jobKeys.chunk(id, 9_999_999_999)
      const values = { ':pk': pk, ':first': sk, ':last': last }
      const items = await query({ condition, values, limit })
      return items.map(jobItem.toReport)
    },

    async unfinished(limit) {
      const found = await Promise.all(
        jobKeys.allGroups().map((group) => {
          const condition = '#unfinishedGroup = :group'
          return query({ index: 'unfinished', condition, values: { ':group': group }, limit })
        }),
      )
      const changedAt = (item: DynamodbItem) => attributes.readNumber(item, 'changedAt')
      const oldest = found.flat().sort((a, b) => changedAt(a) - changedAt(b))
      const jobs = await findAll(oldest.slice(0, limit))
      return jobs.filter((job) => !hasEnded(job))
    },

    async close() {},
  }
}

const countsOf = ({ bytes, results, errors, charge }: ChunkReport) => ({
  ':bytes': number(bytes),
  ':results': number(results),
  ':errors': number(errors),
  ':charge': number(BigInt(charge)),
})
