import type { DatabaseSync } from 'node:sqlite'

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
  /** Runs at once what still waits. */
  flush(): void
}

interface Waiting {
  readonly durable: boolean
  /** Does the work, and returns what tells its caller. */
  readonly work: () => () => void
  readonly reject: (error: unknown) => void
}

/**
 * One wait for the disk for all that arrives in one turn of the event loop: the flush costs more
 * than all statements of a transaction together. Works run one after the other, in order.
 */
export function createSqliteGroupCommit(
  database: DatabaseSync,
  /** So that a flood does not hold the event loop for long. */
  largestGroup = 128,
): SqliteGroupCommit {
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
      // Frames of the log are in order: a flush of one is a flush of all before it.
      const durable = group.some((one) => one.durable)
      database.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
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

  const enqueue = <Result>(work: () => Result, durable: boolean) =>
    new Promise<Result>((resolve, reject) => {
      // After the sockets of this turn were read: every call among them is in the group.
      if (waiting.length === 0) setImmediate(commitGroup)
      waiting.push({
        work: () => {
          const result = work()
          return () => resolve(result)
        },
        reject,
        durable,
      })
    })

  return {
    run: (work) => enqueue(work, true),
    runSoon: (work) => enqueue(work, false),
    flush() {
      while (waiting.length > 0) commitGroup()
    },
  }
}
