import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { findTask } from '#shared/tasks/find-task.ts'
import { codecFiles } from '#shared/tasks/images/codec-files.ts'
import type { PackageFiles } from './package-files.ts'

const require = createRequire(import.meta.url)

/** The WebAssembly programs that decode images, where a task takes images; else nothing. */
export async function codecProgramFiles(taskNames: readonly string[]): Promise<PackageFiles> {
  const tasks = await Promise.all(taskNames.map(findTask))
  const takesImages = tasks.some(({ media }) => media.some((type) => type.startsWith('image/')))
  if (!takesImages) return {}
  return Object.fromEntries(
    Object.values(codecFiles).map((path) => [
      `node_modules/${path}`,
      readFileSync(require.resolve(path)),
    ]),
  )
}
