import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { PlantedBug } from './planted-bugs.ts'
import { type CodeUnderTest, realCode } from './simulate.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * The code with lines of it replaced, loaded from a temporary file: the code itself has no hooks.
 * @throws where a line that a bug replaces is not there exactly once, so that no bug fades away
 */
export async function plantBug({ name, changes }: PlantedBug): Promise<CodeUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'percall-bug-'))
  try {
    let code = realCode
    for (const file of new Set(changes.map((change) => change.file))) {
      let source = await readFile(join(root, file), 'utf8')
      for (const { find, replace } of changes.filter((change) => change.file === file)) {
        if (source.split(find).length !== 2) {
          throw new Error(`${file} has no longer just one "${find}": plant "${name}" anew.`)
        }
        source = source.replace(find, () => replace)
      }
      // Said to be a module by its name, since no package.json says so there.
      const path = join(folder, basename(file).replace(/\.ts$/, '.mts'))
      await writeFile(path, withWholePaths(source, file))
      code = { ...code, ...(await import(pathToFileURL(path).href)) }
    }
    return code
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Outside of the project neither `#shared/` nor `./` means what it did. */
function withWholePaths(source: string, file: string): string {
  const here = pathToFileURL(join(root, dirname(file))).href
  return source
    .replaceAll(/from '#(\w+)\//g, `from '${pathToFileURL(root).href}$1/`)
    .replaceAll(/from '\.\//g, `from '${here}/`)
}
