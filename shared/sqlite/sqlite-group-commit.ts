import type { DatabaseSync } from 'node:sqlite'
import { openSqliteLogFlush, type SqliteLogFlush } from './sqlite-log-flush.ts'

export interface SqliteGroupCommitOptions {
  /** So that a flood does not hold the event loop for long. */
  readonly largestGroup?: number
  readonly log?: SqliteLogFlush
}

export interface SqliteGroupCommit {
  /**
   * Runs `work` in a transaction; resolves once it is on disk. A `work` that throws has changed
   * nothing, whatever became of the others of its group.
   */
  run<Result>(work: () => Result): Promise<Result>
  /**
   * The same without the wait for the disk, for what may be lost together with all that is running.
   * It outlives the process, and is on disk as soon as anything that came later is: only a power cut
   * before that undoes it.
   */
  runSoon<Result>(work: () => Result): Promise<Result>
  /** Resolves once all that is committed by now is on disk, whichever process wrote it. */
  flushed(): Promise<void>
  /** Runs at once what still waits, and lets it reach the disk. The database stays open. */
  close(): Promise<void>
}

interface Waiting {
  /** Does the work, and returns what tells its caller. */
  readonly work: () => () => void
  readonly reject: (error: unknown) => void
}

/**
 * One transaction for all that arrives in one turn of the event loop, and one wait for the disk for
 * all that was committed during the wait before it. Works run one after the other, in order.
 */
export function createSqliteGroupCommit(
  database: DatabaseSync,
  { largestGroup = 128, log = openSqliteLogFlush(database) }: SqliteGroupCommitOptions = {},
): SqliteGroupCommit {
  // COMMIT writes the log and returns; who must be sure waits for `log`. The log is copied into the
  // database every 16 MB instead of 4: pages that change often are copied, and waited for, less often.
  database.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000')
  const begin = database.prepare('BEGIN IMMEDIATE')
  const commit = database.prepare('COMMIT')
  const savepoint = database.prepare('SAVEPOINT one')
  const release = database.prepare('RELEASE one')
  const undo = database.prepare('ROLLBACK TO one')
  let waiting: Waiting[] = []

  function commitGroup(): void {
    const group = waiting.slice(0, largestGroup)
    waiting = waiting.slice(largestGroup)
    if (waiting.length > 0) setImmediate(commitGroup)
    if (group.length === 0) return
    let replies: (() => void)[]
    try {
      begin.run()
      replies = group.map(attempt)
      commit.run()
    } catch (error) {
      if (database.isOpen && database.isTransaction) database.exec('ROLLBACK')
      for (const { reject } of group) reject(error)
      return
    }
    for (const reply of replies) reply()
  }

  function attempt({ work, reject }: Waiting): () => void {
    savepoint.run()
    try {
      const reply = work()
      release.run()
      return reply
    } catch (error) {
      // A full disk and the like end the whole transaction: then nobody's work was done.
      if (!database.isTransaction) throw error
      undo.run()
      release.run()
      return () => reject(error)
    }
  }

  const runSoon = <Result>(work: () => Result) =>
    new Promise<Result>((resolve, reject) => {
      // After the sockets of this turn were read: every call among them is in the group.
      if (waiting.length === 0) setImmediate(commitGroup)
      waiting.push({
        work: () => {
          const result = work()
          return () => resolve(result)
        },
        reject,
      })
    })

  return {
    async run(work) {
      const result = await runSoon(work)
      await log.flushed()
      return result
    },
    runSoon,
    flushed: log.flushed,
    async close() {
      while (waiting.length > 0) commitGroup()
      await log.flushed().catch(() => undefined)
      await log.close()
    },
  }
}
