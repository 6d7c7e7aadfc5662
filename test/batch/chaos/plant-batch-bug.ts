import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { BatchCode } from './batch-code.ts'
import type { PlantedBatchBug } from './planted-batch-bugs.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const useCases = [
  'order-job',
  'receive-object',
  'plan-job',
  'score-chunk',
  'publish-job',
  'manage-job',
  'reconcile',
]

/**
 * The use cases with lines of them replaced, loaded from a copy of their room beside links to all
 * others: the code itself has no hooks.
 * @throws where a line that a bug replaces is not there exactly once, so that no bug fades away
 */
export async function plantBatchBug({ name, changes }: PlantedBatchBug): Promise<BatchCode> {
  const folder = mkdtempSync(join(tmpdir(), 'percall-batch-bug-'))
  try {
    copyRoom(folder)
    for (const { file, find, replace } of changes) {
      const path = join(folder, 'shared/batch', file)
      const source = readFileSync(path, 'utf8')
      if (source.split(find).length !== 2) {
        throw new Error(`${file} has no longer just one "${find}": plant "${name}" anew.`)
      }
      writeFileSync(
        path,
        source.replace(find, () => replace),
      )
    }
    const modules = await Promise.all(
      useCases.map((file) => import(pathToFileURL(join(folder, `shared/batch/${file}.ts`)).href)),
    )
    return Object.assign({}, ...modules)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function copyRoom(folder: string): void {
  mkdirSync(join(folder, 'shared'))
  for (const room of readdirSync(join(root, 'shared'))) {
    const [from, to] = [join(root, 'shared', room), join(folder, 'shared', room)]
    if (room === 'batch') cpSync(from, to, { recursive: true })
    else symlinkSync(from, to)
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const settings = { type: 'module', imports: { '#shared/*': './shared/*' } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(settings))
}
