import { closeSync, fdatasync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'

export interface SqliteLogFlush {
  /**
   * Resolves once all that was committed when it was asked for is on disk, whichever process wrote
   * it. After one failure it rejects for ever: the kernel forgets the pages that it could not write
   * and calls the next flush a success. Who opens the file anew reads what has become of them.
   */
  flushed(): Promise<void>
  /** Lets the flush under way end. */
  close(): Promise<void>
}

/** Waits until what was written to a file is on disk, its length included. */
export type SyncFile = (file: number, done: (error: Error | null) => void) => void

/**
 * The wait for the disk in libuv's thread pool, where a COMMIT under `synchronous = FULL` would hold
 * the event loop for it. The log stays the same file while a connection is open: only the last one
 * to close removes it. SQLite's locks lie on the two other files, so closing this one drops none.
 */
export function openSqliteLogFlush(
  database: DatabaseSync,
  sync: SyncFile = fdatasync,
): SqliteLogFlush {
  let file: number | undefined = openSync(`${database.location()}-wal`, 'r+')
  let running = Promise.resolve()
  let next: Promise<void> | undefined

  async function flushAfter(earlier: Promise<void>): Promise<void> {
    await earlier
    // All who were told of the same commit ask in the same breath.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    if (next) running = next
    next = undefined
    await new Promise<void>((resolve, reject) => {
      if (file === undefined) throw new Error('The log is closed.')
      sync(file, (error) => (error ? reject(error) : resolve()))
    })
  }

  return {
    flushed() {
      // Never the one under way: it may have begun before the asker's pages were written.
      next ??= flushAfter(running)
      return next
    },
    async close() {
      await (next ?? running).catch(() => undefined)
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}
