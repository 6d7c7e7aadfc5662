import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Versity's S3 gateway (Apache-2.0): one binary, one folder; what it gets right: test/servers/README.md. */
const source = 'github.com/versity/versitygw/cmd/versitygw'
const version = 'v1.8.0'

const cache = fileURLToPath(new URL('../../.cache/', import.meta.url))

/**
 * The path of the S3 server's binary. Where it is not there yet it is built from source into
 * `.cache/`, once, which takes Go, the Go module proxy and about a minute.
 *
 * @throws with a sentence that says what is missing
 */
export async function installRealS3Server(): Promise<string> {
  const binary = join(cache, `versitygw-${version}`)
  if (existsSync(binary)) return binary
  await mkdir(cache, { recursive: true })
  // Two test workers may build at once: each in a folder of its own, and the last rename wins.
  const folder = mkdtempSync(join(cache, 'build-'))
  try {
    execFileSync('go', ['install', '-ldflags=-s -w', `${source}@${version}`], {
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    renameSync(join(folder, 'versitygw'), binary)
  } catch (error) {
    throw new Error(
      'The S3 tests need a real S3 server, and it could not be built. Install Go 1.25 or newer ' +
        '(https://go.dev/dl), make sure that its module proxy can be reached, and run ' +
        '"node test/servers/install-real-s3-server.ts".',
      { cause: error },
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return binary
}

if (import.meta.main) {
  await installRealS3Server().then(console.log, ({ message, cause }) => {
    console.error(`${message}\n${cause}`)
    process.exitCode = 1
  })
}
