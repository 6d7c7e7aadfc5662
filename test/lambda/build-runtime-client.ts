import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const source = join(root, 'node_modules/aws-lambda-ric')

/**
 * The folder of Lambda's own runtime client for Node (`index.mjs` and its native part), compiled
 * once and kept in `.cache/`. Installs run no scripts, so the package arrives as source; it brings
 * the C++ libraries it needs and compiles without the network.
 */
export function buildRuntimeClient(): string {
  const { version } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  const built = join(root, `.cache/aws-lambda-ric-${version}-${process.platform}-${process.arch}`)
  if (existsSync(join(built, 'rapid-client.node'))) return built

  process.stderr.write('Compiling the Lambda runtime client, once (about two minutes) …\n')
  // Inside the repository, so that the package's scripts find node-gyp in node_modules.
  const work = join(root, `.cache/aws-lambda-ric-${process.pid}`)
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  cpSync(source, work, { recursive: true, filter: (path) => !path.endsWith('node_modules') })
  run('sh', ['scripts/preinstall.sh'], work)
  run('sh', ['scripts/postinstall.sh'], work)

  const ready = `${work}-ready`
  mkdirSync(ready, { recursive: true })
  for (const file of ['index.mjs', 'package.json', 'rapid-client.node']) {
    cpSync(join(work, file), join(ready, file))
  }
  rmSync(work, { recursive: true, force: true })
  rmSync(built, { recursive: true, force: true })
  renameSync(ready, built)
  return built
}

function run(command: string, args: string[], cwd: string): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
    env: { ...process.env, npm_config_nodedir: nodeHeaders(), npm_config_ignore_scripts: 'false' },
  })
  if (status === 0) return
  throw new Error(
    `${command} ${args.join(' ')} failed (${error?.message ?? status}). It needs cmake, g++, make, ` +
      `python3 and xz.\n${stdout.slice(-2000)}\n${stderr.slice(-4000)}`,
  )
}

/**
 * The prefix whose `include/node` holds Node's C++ headers. The Node that npm installs has none, so
 * they come from the machine's own; the addon uses only the stable Node-API, so its version is free.
 */
function nodeHeaders(): string {
  const programs = [
    process.env.npm_node_execpath,
    ...(process.env.PATH ?? '').split(':').map((folder) => join(folder, 'node')),
    '/usr/local/bin/node',
    '/usr/bin/node',
  ]
  for (const program of programs) {
    const prefix = program && dirname(dirname(program))
    if (prefix && existsSync(join(prefix, 'include/node/node_api.h'))) return prefix
  }
  throw new Error(
    'Found no headers of Node (include/node): install "libnode-dev" or Node from nodejs.org.',
  )
}

if (import.meta.main) console.log(buildRuntimeClient())
