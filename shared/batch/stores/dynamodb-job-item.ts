import { createHash } from 'node:crypto'
import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { ChunkReport } from '../chunk.ts'
import type { Job, JobState, ProgressMark } from '../job.ts'
import { hasEnded } from '../job-progress.ts'
import type { JobChange } from '../job-store.ts'
import { toMarks } from '../progress-marks.ts'
import { orderJson } from './order-json.ts'

const { text, number, readText, readNumber, readBigint } = attributes

/** Every change of an unfinished job moves it within its index, over so many partitions in all. */
const groups = 8

/** Where items lie: all that belongs to one job in one partition. */
export const jobKeys = {
  job: (id: string) => ({ pk: text(`job#${id}`), sk: text('job') }),
  chunk: (id: string, chunk: number) => ({
    pk: text(`job#${id}`),
    sk: text(`chunk#${String(chunk).padStart(10, '0')}`),
  }),
  readId: (item: DynamodbItem) => readText(item, 'pk').slice('job#'.length),
  /** Of the index of tenants: sorts as (time, id) does. */
  position: (createdAt: number, id: string) => text(`${String(createdAt).padStart(16, '0')}#${id}`),
  group: (id: string) => group((createHash('sha256').update(id).digest()[0] ?? 0) % groups),
  allGroups: () => Array.from({ length: groups }, (_, index) => group(index)),
}

const group = (index: number) => text(`unfinished#${index}`)

/** Attributes of the table; how they are named is nobody else's business. */
export const jobItem = {
  fromJob: (job: Job): DynamodbItem => ({
    ...jobKeys.job(job.id),
    jobsOf: text(job.order.tenant),
    position: jobKeys.position(job.createdAt, job.id),
    kind: text(job.order.records.kind),
    ordered: text(orderJson.write(job.order)),
    createdAt: number(job.createdAt),
    changedAt: number(job.changedAt),
    state: text(job.state),
    ...(!hasEnded(job) && { unfinishedGroup: jobKeys.group(job.id) }),
    ...Object.fromEntries(
      Object.entries(job.times).map(([state, at]) => [enteredAt(state), number(at)]),
    ),
    chunks: number(job.chunks),
    bytes: number(job.bytes),
    doneChunks: number(job.done.chunks),
    doneBytes: number(job.done.bytes),
    doneResults: number(job.done.results),
    doneErrors: number(job.done.errors),
    doneCharge: number(job.done.charge),
    ...(job.raisedCharge !== undefined && { raisedCharge: number(job.raisedCharge) }),
    ...Object.assign({}, ...job.marks.map(markAttributes)),
    ...(job.rest && { rest: text(JSON.stringify(job.rest)) }),
    problems: text(JSON.stringify(job.problems)),
    outputs: text(JSON.stringify(job.outputs)),
  }),

  toJob: (item: DynamodbItem): Job => ({
    id: jobKeys.readId(item),
    order: orderJson.read(readText(item, 'ordered')),
    createdAt: readNumber(item, 'createdAt'),
    changedAt: readNumber(item, 'changedAt'),
    state: readText(item, 'state') as JobState,
    times: Object.fromEntries(
      Object.keys(item)
        .filter((name) => name.startsWith(enteredAt('')))
        .map((name) => [name.slice(enteredAt('').length), readNumber(item, name)]),
    ),
    chunks: readNumber(item, 'chunks'),
    bytes: readNumber(item, 'bytes'),
    done: {
      chunks: readNumber(item, 'doneChunks'),
      bytes: readNumber(item, 'doneBytes'),
      results: readNumber(item, 'doneResults'),
      errors: readNumber(item, 'doneErrors'),
      charge: readBigint(item, 'doneCharge'),
    },
    marks: toMarks(
      Object.keys(item)
        .filter((name) => name.startsWith('markedAt'))
        .map((name) => [
          readNumber(item, name),
          readNumber(item, name.replace('markedAt', 'markedBytes')),
        ]),
    ),
    rest: item.rest && JSON.parse(readText(item, 'rest')),
    raisedCharge: item.raisedCharge && readBigint(item, 'raisedCharge'),
    problems: JSON.parse(readText(item, 'problems')),
    outputs: JSON.parse(readText(item, 'outputs')),
  }),

  /** @param keptMs how long an ended job is kept @param changeId by which its author knows it again */
  changeOf({ at, state, ...changes }: JobChange, keptMs: number, changeId: string) {
    const isEnd = state !== undefined && hasEnded({ state })
    const assigned: DynamodbItem = {
      changedAt: number(at),
      changeId: text(changeId),
      ...(state !== undefined && { state: text(state) }),
      ...(isEnd && { purgeAt: toPurgeAt(at + keptMs) }),
      ...(changes.chunks !== undefined && { chunks: number(changes.chunks) }),
      ...(changes.bytes !== undefined && { bytes: number(changes.bytes) }),
      ...(changes.raisedCharge !== undefined && { raisedCharge: number(changes.raisedCharge) }),
      ...(changes.rest && { rest: text(JSON.stringify(changes.rest)) }),
      ...(changes.problems && { problems: text(JSON.stringify(changes.problems)) }),
      ...(changes.outputs && { outputs: text(JSON.stringify(changes.outputs)) }),
    }
    const entered =
      state && `#${enteredAt(state)} = if_not_exists(#${enteredAt(state)}, :changedAt)`
    const sets = Object.keys(assigned).map((name) => `#${name} = :${name}`)
    const update = `SET ${[...sets, ...(entered ? [entered] : [])].join(', ')}`
    return {
      update: isEnd ? `${update} REMOVE #unfinishedGroup` : update,
      values: Object.fromEntries(
        Object.entries(assigned).map(([name, value]) => [`:${name}`, value]),
      ),
    }
  },

  fromReport: (id: string, report: ChunkReport, purgeAt: number): DynamodbItem => ({
    ...jobKeys.chunk(id, report.chunk),
    report: text(JSON.stringify(report)),
    purgeAt: toPurgeAt(purgeAt),
  }),

  toReport: (item: DynamodbItem): ChunkReport => JSON.parse(readText(item, 'report')),
}

const markAttributes = ({ at, bytes }: ProgressMark, slot: number): DynamodbItem => ({
  [`markedAt${slot}`]: number(at),
  [`markedBytes${slot}`]: number(bytes),
})

const enteredAt = (state: string) => `entered_${state}`

/** Time to live is in seconds. */
const toPurgeAt = (ms: number) => number(Math.ceil(ms / 1_000))
