import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { findTask } from '#shared/tasks/find-task.ts'
import { codecFiles } from '#shared/tasks/images/codec-files.ts'
import type { PackageFiles } from './package-files.ts'

const require = createRequire(import.meta.url)

/** The WebAssembly programs that decode images, for a task that takes images; else nothing. */
export async function codecProgramFiles(taskName: string): Promise<PackageFiles> {
  const { media } = await findTask(taskName)
  if (!media.some((type) => type.startsWith('image/'))) return {}
  return Object.fromEntries(
    Object.values(codecFiles).map((path) => [
      `node_modules/${path}`,
      readFileSync(require.resolve(path)),
    ]),
  )
}
