import type { SQLOutputValue } from 'node:sqlite'
import type { SqliteFileOptions } from '#shared/sqlite/sqlite-database.ts'
import { openSqliteStore } from '#shared/sqlite/sqlite-store.ts'
import { attentionAt } from '../attention-at.ts'
import { type DeferredCall, hasEnded, readyAt, turnOf } from '../deferred-call.ts'
import { deferredCallJson } from '../deferred-call-json.ts'
import type { DeferredCallStore } from '../deferred-call-store.ts'
import { jobMigrations } from './sqlite-job-schema.ts'

/** Calls in one SQLite file, for any number of processes of one machine. */
export function createSqliteDeferredCallStore(options: SqliteFileOptions): DeferredCallStore {
  const { database, read, write, close } = openSqliteStore({
    ...options,
    migrations: jobMigrations,
  })
  const create = database.prepare(
    `INSERT INTO calls VALUES ($id, $revision, $tenant, $createdAt, $call, $attentionAt, $lane, $turn,
       $readyAt, $model, $endedAt, $runMs) ON CONFLICT DO NOTHING`,
  )
  const replace = database.prepare(
    `UPDATE calls SET revision = $revision, call = $call, attention_at = $attentionAt, lane = $lane,
       turn = $turn, ready_at = $readyAt, model = $model, ended_at = $endedAt, run_ms = $runMs
     WHERE id = $id AND revision = $revision - 1`,
  )
  const find = database.prepare('SELECT call FROM calls WHERE id = ?')
  const page = database.prepare(
    `SELECT call FROM calls WHERE tenant = $tenant AND ($after IS NULL OR (created_at, id) <
       (SELECT created_at, id FROM calls WHERE id = $after AND tenant = $tenant))
     ORDER BY created_at DESC, id DESC LIMIT $limit`,
  )
  const waiting = database.prepare(
    `SELECT id, tenant FROM calls WHERE lane = $lane AND ($tenant IS NULL OR tenant = $tenant)
       AND ($readyBy IS NULL OR ready_at <= $readyBy) ORDER BY tenant, turn LIMIT $limit`,
  )
  const runs = database.prepare(
    'SELECT run_ms FROM calls WHERE model = ? ORDER BY ended_at DESC LIMIT ?',
  )
  const due = database.prepare(
    'SELECT call FROM calls WHERE attention_at <= ? ORDER BY attention_at LIMIT ?',
  )
  const remove = database.prepare('DELETE FROM calls WHERE id = ?')

  return {
    create: (call) =>
      write(() => create.run({ ...columnsOf(call), ...fixedColumnsOf(call) }).changes === 1),
    find: (id) => read(() => toCalls([find.get(id)])[0]),
    replace: (call) => write(() => replace.run(columnsOf(call)).changes === 1),

    list: ({ tenant, after = null, limit }) =>
      read(() => {
        const found = toCalls(page.all({ tenant, after, limit: limit + 1 }))
        return { calls: found.slice(0, limit), more: found.length > limit }
      }),

    waiting: ({ lane, tenant = null, readyBy = null, limit }) =>
      read(() =>
        waiting
          .all({ lane, tenant, readyBy, limit })
          .map((row) => ({ id: row.id as string, tenant: row.tenant as string })),
      ),

    recentRuns: (model, limit) =>
      read(() => runs.all(model, limit).map(({ run_ms }) => Number(run_ms))),
    due: (now, limit) => read(() => toCalls(due.all(now, limit))),
    remove: (id) => write(() => void remove.run(id)),

    close,
  }
}

const fixedColumnsOf = ({ order, createdAt }: DeferredCall) => ({
  tenant: order.caller.tenant,
  createdAt,
})

function columnsOf(call: DeferredCall) {
  const waits = !hasEnded(call)
  const run = call.state === 'succeeded' ? call.result : undefined
  return {
    id: call.id,
    revision: call.revision,
    call: deferredCallJson.write(call),
    attentionAt: attentionAt(call),
    lane: waits ? call.order.lane : null,
    turn: waits ? turnOf(call) : null,
    readyAt: waits ? readyAt(call) : null,
    model: run ? call.order.model : null,
    endedAt: run ? (call.endedAt ?? null) : null,
    runMs: run ? run.runMs : null,
  }
}

const toCalls = (rows: readonly (Record<string, SQLOutputValue> | undefined)[]): DeferredCall[] =>
  rows.flatMap((row) => (row ? [deferredCallJson.read(row.call as string)] : []))
