import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { PackageFiles } from './package-files.ts'

/** Writes files under a folder, readable by everyone. */
export function writeFiles(folder: string, files: PackageFiles): void {
  for (const [path, bytes] of Object.entries(files)) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes)
  }
}
