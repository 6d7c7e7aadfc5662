import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ImageTools } from './image-tools.ts'

const name = 'localhost/percall-base'
/** What a service does not read, a fifth of the base. */
const leftOut = [
  'var/cache/apt',
  'var/lib/apt/lists',
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
]

/**
 * A base image of this machine's own Debian or Ubuntu: its smallest system, from the mirrors that its
 * package manager uses.
 * @returns the name of the image
 */
export function makeBaseImage(folder: string, { run }: ImageTools): string {
  const [, release = ''] =
    /^VERSION_CODENAME=(\S+)/m.exec(readFileSync('/etc/os-release', 'utf8')) ?? []
  const root = join(folder, 'base')
  const archive = join(folder, 'base.tar')
  mkdirSync(root)
  // In memory, where the package manager's waiting for the disk costs nothing: seconds, not minutes.
  run('mount', '-t', 'tmpfs', 'percall-base', root)
  try {
    run('debootstrap', '--variant=minbase', release, root, mirrorOf(release, run))
    run('tar', '-C', root, ...leftOut.map((path) => `--exclude=./${path}/*`), '-cf', archive, '.')
  } finally {
    run('umount', root)
  }
  const file = join(folder, 'Basefile')
  writeFileSync(file, 'FROM scratch\nADD base.tar /\n')
  run('buildah', 'bud', '--tag', name, '--file', file, folder)
  rmSync(archive)
  return name
}

function mirrorOf(release: string, run: ImageTools['run']): string {
  const format = '$(REPO_URI) $(CODENAME) $(COMPONENT)'
  const lines = run('apt-get', 'indextargets', '--format', format, 'Created-By: Packages').split(
    '\n',
  )
  const found = lines.find((line) => line.endsWith(` ${release} main`))
  if (found) return found.split(' ')[0] ?? ''
  throw new Error(`The sources of apt have no ${release} main; name an image with --base.`)
}
