import type { SQLOutputValue } from 'node:sqlite'
import { openSqliteStore, type SqliteStore } from '#shared/sqlite/sqlite-store.ts'
import type { ChunkReport } from '../chunk.ts'
import type { Job, JobState } from '../job.ts'
import type { JobChange, JobQuery, JobStore } from '../job-store.ts'
import { markSlot, toMarks } from '../progress-marks.ts'
import { orderJson } from './order-json.ts'
import { batchMigrations } from './sqlite-batch-schema.ts'

export interface SqliteJobStoreOptions {
  /** The file that jobs and all queues of a machine share. */
  readonly path: string
  readonly busyTimeoutMs?: number
  readonly now?: () => number
}

/** Jobs and their finished chunks in one SQLite file, for any number of processes of one machine. */
export function createSqliteJobStore({
  path,
  busyTimeoutMs,
  now = Date.now,
}: SqliteJobStoreOptions): JobStore {
  const store = openSqliteStore({ path, busyTimeoutMs, migrations: batchMigrations })
  const { read, write } = store
  const jobs = openJobs(store)
  const chunks = openChunks(store)

  return {
    create: (job) => write(() => (jobs.add(job) ? 'created' : 'exists')),
    find: (id) => read(() => jobs.find(id)),

    list: (query) =>
      read(() => {
        const found = jobs.page(query)
        return { jobs: found.slice(0, query.limit), more: found.length > query.limit }
      }),

    change: (id, from, change) => write(() => jobs.change(id, from, change)),

    finishChunk: (id, report) =>
      write(() => {
        const job = chunks.add(id, report) ? jobs.count(id, report, now()) : jobs.find(id)
        if (!job) throw new Error('A chunk belongs to a job that does not exist.')
        return job
      }),

    reports: (id, first, limit) => read(() => chunks.page(id, first, limit)),
    unfinished: (limit) => read(() => jobs.unfinished(limit)),
    close: store.close,
  }
}

function openJobs({ database }: SqliteStore) {
  const prepare = (sql: string) => {
    const statement = database.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }
  const add = prepare(
    `INSERT INTO jobs VALUES ($id, $tenant, $kind, $ordered, $createdAt, $changedAt, $state, $times,
       $chunks, $bytes, $doneChunks, $doneBytes, $doneResults, $doneErrors, $doneCharge,
       $problems, $outputs, $raisedCharge, $rest, $marks)
     ON CONFLICT DO NOTHING`,
  )
  const find = prepare('SELECT * FROM jobs WHERE id = ?')
  const page = prepare(
    `SELECT * FROM jobs WHERE tenant = $tenant AND ($kind IS NULL OR kind = $kind)
       AND ($after IS NULL OR (created_at, id) <
         (SELECT created_at, id FROM jobs WHERE id = $after AND tenant = $tenant))
     ORDER BY created_at DESC, id DESC LIMIT $limit`,
  )
  const change = prepare(
    `UPDATE jobs SET changed_at = $at, state = coalesce($state, state),
       -- The first time that a state is entered stays.
       times = iif($state IS NULL, times, json_patch(json_object($state, $at), times)),
       chunks = coalesce($chunks, chunks), bytes = coalesce($bytes, bytes),
       raised_charge = coalesce($raisedCharge, raised_charge), rest = coalesce($rest, rest),
       problems = coalesce($problems, problems), outputs = coalesce($outputs, outputs)
     WHERE id = $id AND state IN (SELECT value FROM json_each($from)) RETURNING *`,
  )
  const count = prepare(
    `UPDATE jobs SET changed_at = $now, done_chunks = done_chunks + 1,
       done_bytes = done_bytes + $bytes, done_results = done_results + $results,
       done_errors = done_errors + $errors, done_charge = done_charge + $charge,
       marks = json_set(marks, $slot, json_array($now, done_bytes + $bytes))
     WHERE id = $id RETURNING *`,
  )
  const unfinished = prepare(
    `SELECT * FROM jobs WHERE state NOT IN ('published', 'cancelled', 'expired', 'failed')
     ORDER BY changed_at LIMIT ?`,
  )

  return {
    /** @returns whether it is new */
    add: (job: Job): boolean => add.run(fromJob(job)).changes === 1n,
    find: (id: string) => toJob(find.get(id)),

    /** One more than the limit where there are more. */
    page: ({ tenant, after, limit, kind }: JobQuery): Job[] =>
      page
        .all({ tenant, after: after ?? null, kind: kind ?? null, limit: limit + 1 })
        .flatMap((row) => toJob(row) ?? []),

    change: (id: string, from: readonly JobState[], changed: JobChange) =>
      toJob(
        change.get({
          id,
          from: JSON.stringify(from),
          at: changed.at,
          state: changed.state ?? null,
          chunks: changed.chunks ?? null,
          bytes: changed.bytes ?? null,
          raisedCharge: changed.raisedCharge ?? null,
          rest: changed.rest ? JSON.stringify(changed.rest) : null,
          problems: changed.problems ? JSON.stringify(changed.problems) : null,
          outputs: changed.outputs ? JSON.stringify(changed.outputs) : null,
        }),
      ),

    count: (id: string, report: ChunkReport, now: number) => {
      const { chunk, bytes, results, errors, charge } = report
      const slot = `$."${markSlot(chunk)}"`
      return toJob(count.get({ id, now, slot, bytes, results, errors, charge: BigInt(charge) }))
    },

    unfinished: (limit: number): Job[] => unfinished.all(limit).flatMap((row) => toJob(row) ?? []),
  }
}

function openChunks({ database }: SqliteStore) {
  const add = database.prepare(
    'INSERT INTO chunks (job, chunk, report) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  )
  const page = database.prepare(
    'SELECT report FROM chunks WHERE job = ? AND chunk >= ? ORDER BY chunk LIMIT ?',
  )
  return {
    /** @returns whether it is new */
    add: (job: string, report: ChunkReport): boolean =>
      add.run(job, report.chunk, JSON.stringify(report)).changes === 1,
    page: (job: string, first: number, limit: number): ChunkReport[] =>
      page.all(job, first, limit).map(({ report }) => JSON.parse(report as string)),
  }
}

const fromJob = ({ order, times, done, marks, problems, outputs, rest, ...job }: Job) => ({
  ...job,
  raisedCharge: job.raisedCharge ?? null,
  rest: rest ? JSON.stringify(rest) : null,
  marks: JSON.stringify(
    Object.fromEntries(marks.map(({ at, bytes }, slot) => [slot, [at, bytes]])),
  ),
  tenant: order.tenant,
  kind: order.records.kind,
  ordered: orderJson.write(order),
  times: JSON.stringify(times),
  doneChunks: done.chunks,
  doneBytes: done.bytes,
  doneResults: done.results,
  doneErrors: done.errors,
  doneCharge: done.charge,
  problems: JSON.stringify(problems),
  outputs: JSON.stringify(outputs),
})

/** Integers arrive as BigInt: money needs all of their digits. */
function toJob(row: Record<string, SQLOutputValue> | undefined): Job | undefined {
  return (
    row && {
      id: row.id as string,
      order: orderJson.read(row.ordered as string),
      createdAt: Number(row.created_at),
      changedAt: Number(row.changed_at),
      state: row.state as JobState,
      times: JSON.parse(row.times as string),
      chunks: Number(row.chunks),
      bytes: Number(row.bytes),
      done: {
        chunks: Number(row.done_chunks),
        bytes: Number(row.done_bytes),
        results: Number(row.done_results),
        errors: Number(row.done_errors),
        charge: row.done_charge as bigint,
      },
      marks: toMarks(
        Object.values(JSON.parse(row.marks as string) as Record<string, [number, number]>),
      ),
      rest: row.rest === null ? undefined : JSON.parse(row.rest as string),
      raisedCharge: (row.raised_charge as bigint | null) ?? undefined,
      problems: JSON.parse(row.problems as string),
      outputs: JSON.parse(row.outputs as string),
    }
  )
}
