import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { compareKeys, isObjectKey } from './object-key.ts'

export interface KeyQuery {
  readonly prefix: string
  readonly after: string | undefined
  /** How many names of a folder are kept at a time; it is read again where more are wanted. */
  readonly batch: number
}

/**
 * The keys of the files below a directory, in order of their bytes, without hidden ones. A folder is
 * read as far as keys are asked for, and never held or sorted whole.
 */
export async function* directoryObjectKeys(
  directory: string,
  { prefix, after = '', batch }: KeyQuery,
): AsyncGenerator<string> {
  const start = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  if (start === '' || isObjectKey(start.slice(0, -1))) yield* walk(start)

  /** @param folder empty, or with a slash at its end */
  async function* walk(folder: string): AsyncGenerator<string> {
    let last: string | undefined
    for (;;) {
      const names = await firstNames(join(directory, folder), batch, (name) => {
        const key = folder + name
        // Neither matches nor lies behind, and yet may hold keys that do.
        const leadsTo = (text: string) => name.endsWith('/') && text.startsWith(key)
        return (
          (key.startsWith(prefix) || leadsTo(prefix)) &&
          (compareKeys(key, after) > 0 || leadsTo(after)) &&
          (last === undefined || compareKeys(name, last) > 0)
        )
      })
      for (const name of names) {
        if (name.endsWith('/')) yield* walk(folder + name)
        else if (isObjectKey(folder + name)) yield folder + name
      }
      last = names.at(-1)
      if (names.length < batch) return
    }
  }
}

/** In order; folders with their slash, because that is what their keys are sorted by. */
async function firstNames(path: string, count: number, isWanted: (name: string) => boolean) {
  const sorted = (names: string[]) => names.sort(compareKeys).slice(0, count)
  let names: string[] = []
  try {
    for await (const entry of await opendir(path, { bufferSize: 1_024 })) {
      if (entry.name.startsWith('.') || !(entry.isFile() || entry.isDirectory())) continue
      const name = entry.isFile() ? entry.name : `${entry.name}/`
      if (isWanted(name) && names.push(name) >= 2 * count + 1_000) names = sorted(names)
    }
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const isFile = error instanceof Error && 'code' in error && error.code === 'ENOTDIR'
    if (!isAbsent && !isFile) throw error
  }
  return sorted(names)
}
