import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ImageTools {
  /** For whoever else works on these images. */
  readonly environment: Readonly<Record<string, string>>
  /** Runs a program and gives what it printed. @throws Error with the end of what it said */
  run(program: string, ...args: string[]): string
}

/**
 * Programs that make images without an engine, as root: layers are folders (`vfs`), steps run in a
 * chroot, and all of it lies in a folder of its own, which can be removed.
 */
export function createImageTools(folder: string): ImageTools {
  const configuration = join(folder, 'storage.conf')
  writeFileSync(
    configuration,
    `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/layers"\nrunroot = "${folder}/run"\n`,
  )
  const environment = {
    CONTAINERS_STORAGE_CONF: configuration,
    STORAGE_DRIVER: 'vfs',
    BUILDAH_ISOLATION: 'chroot',
  }
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return {
    environment,
    run(program, ...args) {
      const { status, stdout, stderr, error } = spawnSync('env', [...variables, program, ...args], {
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
      })
      if (status === 0) return stdout
      const why = error?.message ?? `ended with ${status}`
      throw new Error(`${program} ${args.join(' ')} ${why}.\n${`${stdout}${stderr}`.slice(-4_000)}`)
    },
  }
}
