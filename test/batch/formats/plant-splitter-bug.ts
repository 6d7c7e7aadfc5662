import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { splitRecords } from '#shared/batch/formats/split-records.ts'
import type { SplitterBug } from './splitter-bugs.ts'

const original = new URL('../../../shared/batch/formats/split-records.ts', import.meta.url)

/**
 * The splitter with a line of it replaced, loaded from a temporary file: the code itself has no hooks.
 * @throws where the line is not there exactly once, so that no bug fades away
 */
export async function plantSplitterBug({ name, find, replace }: SplitterBug) {
  const source = await readFile(original, 'utf8')
  if (source.split(find).length !== 2) {
    throw new Error(`There is no longer just one "${find}": plant "${name}" anew.`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'percall-splitter-'))
  try {
    const path = join(folder, 'split-records.mts')
    const mutated = source
      .replace(find, () => replace)
      .replaceAll(/from '\.\//g, `from '${new URL('.', original).href}`)
    await writeFile(path, mutated)
    const planted: { splitRecords: typeof splitRecords } = await import(pathToFileURL(path).href)
    return planted.splitRecords
  } finally {
    await rm(folder, { recursive: true })
  }
}
