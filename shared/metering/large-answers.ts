import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Bodies of answers that are too large for a row, as files in one directory a day (of expiry), so
 * that they go together, also those whose settle never came.
 */
export function openLargeAnswers(directory: string) {
  return {
    /** Safely on disk when it resolves. `name` is unique to the attempt. */
    async write(name: string, expiresAt: number, body: Uint8Array): Promise<string> {
      const file = join(dayOf(expiresAt), createHash('sha256').update(name).digest('hex'))
      const path = join(directory, file)
      const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      const draft = await open(`${path}.draft`, 'w', 0o600)
      try {
        await draft.writeFile(body)
        await draft.sync()
      } finally {
        await draft.close()
      }
      await rename(`${path}.draft`, path)
      await syncDirectory(dirname(path))
      if (made !== undefined) {
        await syncDirectory(directory)
        await syncDirectory(dirname(directory))
      }
      return file
    },

    /** At once, since rows are read within transactions, which cannot wait. */
    read: (file: string): Uint8Array => readFileSync(join(directory, file)),

    /** Removes the days that had ended before `time`. */
    async forget(time: number): Promise<void> {
      const days = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return []
        throw error
      })
      for (const day of days.filter((name) => name < dayOf(time))) {
        await rm(join(directory, day), { recursive: true, force: true })
      }
    },
  }
}

/** `2026-11-23`, in UTC. */
const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10)

/** A rename is on disk only when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
