import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeBaseImage } from './packaging/base-image.ts'
import { repositoryRoot } from './packaging/function-folder.ts'
import { makeImageContext } from './packaging/image-context.ts'
import { createImageTools } from './packaging/image-tools.ts'
import { addProviderLibraries, isCudaVersion } from './packaging/provider-libraries.ts'

const help = `Builds the image of functions/gpu without a container engine, and tries it.

  npm run image                              on a base of this machine's own Debian, for the CPU
  npm run image -- --cuda 13                 with ONNX Runtime's providers and the libraries of CUDA
  npm run image -- --base IMAGE              on another base: a name to pull, or oci-archive:FILE
  npm run image -- --archive percall.tar     keeps the image as an OCI archive

Needs root and buildah; for a base of its own debootstrap, for CUDA pip and unzip.`

/** Of the image; sizes are printed in MB. */
const parts = ['', 'usr/local/bin/node', 'app/node_modules', 'app/shared', 'app/models', 'opt/cuda']

const { values } = parseArgs({
  options: {
    base: { type: 'string' },
    cuda: { type: 'string', default: 'none' },
    archive: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) console.log(help)
else {
  try {
    main()
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}

function main(): void {
  const { cuda, base, archive } = values
  if (cuda !== 'none' && !isCudaVersion(cuda)) throw new Error(`--cuda cannot be "${cuda}".`)
  const folder = join(repositoryRoot, 'dist/image')
  const context = join(folder, 'context')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const tools = createImageTools(folder)
  const image = 'localhost/percall-gpu'
  try {
    const runtimeClient = tools.run(process.execPath, 'test/lambda/build-runtime-client.ts').trim()
    makeImageContext({ folder: context, architecture: 'x86_64', runtimeClient })
    if (isCudaVersion(cuda)) addProviderLibraries(context, cuda, tools)
    const from = base ?? timed('base', () => makeBaseImage(folder, tools))
    const file = join(repositoryRoot, 'functions/gpu/Containerfile')
    const args = ['--build-arg', `BASE=${from}`, '--build-arg', `CUDA=${cuda}`]
    timed('image', () =>
      tools.run('buildah', 'bud', ...args, '--tag', image, '--file', file, context),
    )
    const container = tools.run('buildah', 'from', image).trim()
    const root = tools.run('buildah', 'mount', container).trim()
    for (const part of parts) {
      const [megabytes] = tools.run('du', '-sm', join(root, part)).split('	')
      console.log(`${part || 'the image'}: ${megabytes} MB`)
    }
    timed('tried', () => tryImage(container, tools.environment))
    if (archive !== undefined) tools.run('buildah', 'push', image, `oci-archive:${archive}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The behaviour suite of all hosts, against the process of the image. */
function tryImage(container: string, environment: Readonly<Record<string, string>>): void {
  const variables = Object.entries({ ...environment, PERCALL_TEST_CONTAINER: container })
  const { status } = spawnSync(
    'env',
    [
      ...variables.map(([name, value]) => `${name}=${value}`),
      ...[process.execPath, 'node_modules/vitest/vitest.mjs', 'run'],
      ...['--config', 'test/vitest.config.ts', '--reporter', 'dot', 'test/hosts/container'],
    ],
    { cwd: repositoryRoot, stdio: 'inherit' },
  )
  if (status !== 0) throw new Error('The image does not behave as the other hosts do.')
}

function timed<Result>(what: string, act: () => Result): Result {
  const startedAt = performance.now()
  const result = act()
  console.log(`${what}: ${Math.round((performance.now() - startedAt) / 1_000)} s`)
  return result
}
