import type { DatabaseSync } from 'node:sqlite'
import type {
  Account,
  AccountSettings,
  EntryPage,
  EntryQuery,
  Lease,
  LedgerEntry,
} from './ledger.ts'
import type { Micros } from './money.ts'
import { ledgerRows, type StoredRequest } from './sqlite-ledger-rows.ts'

export type LedgerTables = ReturnType<typeof openLedgerTables>

const requestColumns = {
  tenant: 'tenant',
  request_key: 'requestKey',
  state: 'state',
  fingerprint: 'fingerprint',
  fence: 'fence',
  taken_over: 'takenOver',
  lease_until: 'leaseUntil',
  mode: 'mode',
  hold: 'hold',
  counters: 'counters',
  sale: 'sale',
  created_at: 'createdAt',
  charge: 'charge',
  answer_status: 'answerStatus',
  answer_headers: 'answerHeaders',
  answer_body: 'answerBody',
  answer_file: 'answerFile',
  answer_expires_at: 'answerExpiresAt',
  forget_at: 'forgetAt',
}

/** The ledger's tables as prepared reads and writes. Who writes has a transaction open. */
export function openLedgerTables(database: DatabaseSync, readFile: (file: string) => Uint8Array) {
  const prepare = (sql: string) => {
    const statement = database.prepare(sql)
    statement.setReadBigInts(true)
    return statement
  }
  return {
    accounts: accountsTable(prepare),
    counters: countersTable(prepare),
    requests: requestsTable(prepare, readFile),
    pointers: pointersTable(prepare),
    entries: entriesTable(prepare),
  }
}

type Prepare = (sql: string) => ReturnType<DatabaseSync['prepare']>

function accountsTable(prepare: Prepare) {
  const find = prepare('SELECT * FROM accounts WHERE tenant = ?')
  const tenants = prepare('SELECT tenant FROM accounts ORDER BY tenant')
  const insert = `INSERT INTO accounts (tenant, currency, mode, limits, trusted, metering, shards)
     VALUES ($tenant, $currency, $mode, $limits, $trusted, $metering, $shards)`
  const create = prepare(`${insert} ON CONFLICT (tenant) DO NOTHING`)
  const put = prepare(
    `${insert} ON CONFLICT (tenant) DO UPDATE SET currency = excluded.currency, mode = excluded.mode,
       limits = excluded.limits, trusted = excluded.trusted, metering = excluded.metering,
       shards = excluded.shards`,
  )
  const move = prepare(
    `UPDATE accounts SET available = available + ?, held = held + ?, spent = spent + ?
     WHERE tenant = ? RETURNING *`,
  )
  return {
    find(tenant: string): Account | undefined {
      const row = find.get(tenant)
      return row && ledgerRows.toAccount(row)
    },
    tenants: () => tenants.all().map((row) => row.tenant as string),
    /** @returns whether there was none */
    create: (settings: AccountSettings) =>
      create.run(ledgerRows.fromAccount(settings)).changes === 1n,
    put: (settings: AccountSettings) => void put.run(ledgerRows.fromAccount(settings)),
    /** Adds to each part; a part that would be negative undoes the transaction. */
    move(tenant: string, by: { available?: Micros; held?: Micros; spent?: Micros }): Account {
      const row = move.get(by.available ?? 0n, by.held ?? 0n, by.spent ?? 0n, tenant)
      if (!row) throw new Error('A request or an entry belongs to an account that does not exist.')
      return ledgerRows.toAccount(row)
    },
  }
}

function countersTable(prepare: Prepare) {
  const used = prepare('SELECT used FROM counters WHERE id = ?')
  const start = prepare('INSERT INTO counters (id, used) VALUES (?, ?)')
  // No upsert: that would check the amount by itself, and one that is given back is negative.
  const add = prepare('UPDATE counters SET used = used + ? WHERE id = ?')
  return {
    used: (id: string) => (used.get(id)?.used as bigint | undefined) ?? 0n,
    add(id: string, amount: bigint): void {
      if (add.run(amount, id).changes === 0n) start.run(id, amount)
    },
  }
}

function requestsTable(prepare: Prepare, readFile: (file: string) => Uint8Array) {
  const columns = Object.keys(requestColumns)
  const names = Object.values(requestColumns)
  const find = prepare('SELECT * FROM requests WHERE tenant = ? AND request_key = ?')
  const put = prepare(
    `INSERT INTO requests (${columns})
     VALUES (${columns.map(() => '?')})
     ON CONFLICT (tenant, request_key) DO UPDATE SET
       ${columns.slice(2).map((name) => `${name} = excluded.${name}`)}`,
  )
  const renew = prepare(
    `UPDATE requests SET lease_until = max(lease_until, $leaseUntil)
     WHERE tenant = $tenant AND request_key = $requestKey AND fence = $fence AND state = 'reserved'`,
  )
  const expiredLeases = prepare(
    `SELECT * FROM requests WHERE state = 'reserved' AND lease_until < ?
     ORDER BY lease_until LIMIT ?`,
  )
  const forget = prepare(
    `DELETE FROM requests WHERE rowid IN
       (SELECT rowid FROM requests WHERE forget_at < ? ORDER BY forget_at LIMIT ?)`,
  )
  return {
    find(tenant: string, requestKey: string): StoredRequest | undefined {
      const row = find.get(tenant, requestKey)
      return row && ledgerRows.toRequest(row, readFile)
    },
    put(request: StoredRequest): void {
      const row = ledgerRows.fromRequest(request)
      // By position: to bind so many by their names costs more than the statement itself.
      put.run(...names.map((name) => row[name] ?? null))
    },
    /** @returns whether it is still reserved under this fence */
    renew: ({ tenant, requestKey, fence, leaseUntil }: Lease) =>
      renew.run({ tenant, requestKey, fence, leaseUntil }).changes === 1n,
    expiredLeases: (time: number, limit: number) =>
      expiredLeases.all(time, limit).map((row) => ledgerRows.toRequest(row, readFile).record),
    /** @returns how many were forgotten */
    forget: (time: number, limit: number) => Number(forget.run(time, limit).changes),
  }
}

function pointersTable(prepare: Prepare) {
  const find = prepare(
    'SELECT request_key FROM retry_pointers WHERE tenant = ? AND pointer = ? AND until > ?',
  )
  const put = prepare(
    `INSERT INTO retry_pointers (tenant, pointer, request_key, until) VALUES (?, ?, ?, ?)
     ON CONFLICT (tenant, pointer) DO UPDATE SET
       request_key = excluded.request_key, until = excluded.until`,
  )
  const forget = prepare(
    `DELETE FROM retry_pointers WHERE (tenant, pointer) IN
       (SELECT tenant, pointer FROM retry_pointers WHERE until < ? ORDER BY until LIMIT ?)`,
  )
  return {
    /** @returns a request key */
    find: (tenant: string, pointer: string, now: number) =>
      find.get(tenant, pointer, now)?.request_key as string | undefined,
    put: (tenant: string, pointer: string, requestKey: string, until: number) =>
      void put.run(tenant, pointer, requestKey, until),
    forget: (time: number, limit: number) => Number(forget.run(time, limit).changes),
  }
}

function entriesTable(prepare: Prepare) {
  const find = prepare('SELECT * FROM entries WHERE tenant = ? AND id = ?')
  const add = prepare(
    `INSERT INTO entries
       (tenant, id, type, amount, currency, at, sale, units, reference, credit_expires_at,
        spent_before)
     VALUES ($tenant, $id, $type, $amount, $currency, $at, $sale, $units, $reference,
       $creditExpiresAt, $spentBefore)`,
  )
  const refunded = prepare(
    `SELECT coalesce(sum(amount), 0) AS total FROM entries
     WHERE tenant = ? AND reference = ? AND type = 'refund'`,
  )
  const page = prepare(
    `SELECT * FROM entries WHERE tenant = $tenant AND at >= $start AND at < $to
       AND (at > $afterAt OR id > $afterId)
       AND ($types IS NULL OR type IN (SELECT value FROM json_each($types)))
     ORDER BY at, id LIMIT $limit`,
  )
  return {
    find(tenant: string, id: string): LedgerEntry | undefined {
      const row = find.get(tenant, id)
      return row && ledgerRows.toEntry(row)
    },
    add: (entry: LedgerEntry) => void add.run(ledgerRows.fromEntry(entry)),
    refunded: (tenant: string, chargeId: string) => refunded.get(tenant, chargeId)?.total as bigint,
    page({ tenant, from, to, types, after, limit }: EntryQuery): EntryPage {
      const earliest = from ?? Number.MIN_SAFE_INTEGER
      const rows = page.all({
        tenant,
        // One lower bound, so that a late page does not walk over the earlier ones.
        start: after ? Math.max(earliest, after.at) : earliest,
        to: to ?? Number.MAX_SAFE_INTEGER,
        afterAt: after?.at ?? Number.MIN_SAFE_INTEGER,
        afterId: after?.id ?? '',
        types: types ? JSON.stringify(types) : null,
        limit: limit + 1,
      })
      const entries = rows.slice(0, limit).map(ledgerRows.toEntry)
      const last = rows.length > limit ? entries.at(-1) : undefined
      return last ? { entries, next: { at: last.at, id: last.id } } : { entries }
    },
  }
}
