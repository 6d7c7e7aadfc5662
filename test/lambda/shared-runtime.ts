import { chmodSync, copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildRuntimeClient } from './build-runtime-client.ts'

let shared: { folder: string; users: number } | undefined

/**
 * A folder with the runtime client and Node that every user of the machine may read, which the
 * repository need not allow. All functions of a process share it; the last to let go removes it.
 */
export function holdRuntime(): { readonly folder: string; release(): void } {
  shared ??= { folder: copyRuntime(), users: 0 }
  const held = shared
  held.users += 1
  return {
    folder: held.folder,
    release() {
      held.users -= 1
      if (held.users > 0) return
      rmSync(held.folder, { recursive: true, force: true })
      if (shared === held) shared = undefined
    },
  }
}

function copyRuntime(): string {
  const folder = mkdtempSync(join(tmpdir(), 'percall-runtime-'))
  cpSync(buildRuntimeClient(), folder, { recursive: true })
  copyFileSync(process.execPath, join(folder, 'node'))
  chmodSync(join(folder, 'node'), 0o755)
  chmodSync(folder, 0o755)
  return folder
}
