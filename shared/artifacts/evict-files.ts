import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A draft this old belongs to a process that was killed while it wrote. */
const abandonedAfterMs = 60 * 60 * 1000

/**
 * Deletes the least recently used files of a cache directory (by modification time, which every use
 * sets anew) until the rest is at most `maxBytes`, and drafts that nobody will finish. Processes may
 * do so at the same time; a file that somebody has open stays readable for them.
 */
export async function evictFiles({
  directory,
  maxBytes,
  now,
}: {
  directory: string
  maxBytes: number
  now: () => number
}): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  const found = await Promise.all(
    names.map(async (name) => {
      const file = await stat(join(directory, name)).catch(() => undefined)
      return file?.isFile() ? [{ name, usedAtMs: file.mtimeMs, sizeBytes: file.size }] : []
    }),
  )
  const files = found.flat().sort((a, b) => b.usedAtMs - a.usedAtMs)

  let keptBytes = 0
  for (const { name, usedAtMs, sizeBytes } of files) {
    const isDraft = name.startsWith('.')
    keptBytes += sizeBytes
    const evicted = isDraft ? now() - usedAtMs > abandonedAfterMs : keptBytes > maxBytes
    if (evicted) await rm(join(directory, name), { force: true })
  }
}
