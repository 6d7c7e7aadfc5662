import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { childrenOf } from '#test/bench/harness/process-use.ts'

export interface ContainerProcess {
  readonly url: string
  /** The folder that is the container's only writable one. */
  readonly scratch: string
  /** What it has written so far. */
  log(): string
  /** Sends a signal to the process of the image, and says how it ended. */
  end(signal: NodeJS.Signals): Promise<{ status: number | null; afterMs: number }>
  /** Ends it, if it has not ended, and forgets its folder. */
  remove(): Promise<void>
}

export interface ContainerOptions {
  /** `{scratch}` in a value is the folder as the container sees it. */
  readonly environment: Readonly<Record<string, string>>
  /** Called with the folder as this process sees it, before the container starts. */
  readonly prepare?: (scratch: string) => Promise<void>
  /** Under Lambda it does not listen. */
  readonly listens?: boolean
  /** A folder that another container has left, which outlives this one, too. */
  readonly scratch?: string
}

/** The user of the image: nobody else's files are his. */
const imageUser = 65_532

/** The working container of an image to test, made by `npm run image`; else this checkout is run. */
export const container = process.env.PERCALL_TEST_CONTAINER

/** Starts the container's own process: that of the image where there is one, else the same program here. */
export async function startContainer(options: ContainerOptions): Promise<ContainerProcess> {
  const { listens = true, scratch = mkdtempSync(join(tmpdir(), 'percall-container-')) } = options
  await options.prepare?.(scratch)
  const inside = container === undefined ? scratch : '/tmp'
  const environment = Object.fromEntries(
    Object.entries({
      PERCALL_HOME: '{scratch}/percall',
      HOST: '127.0.0.1',
      PORT: '0',
      ...options.environment,
    }).map(([name, value]) => [name, value.replaceAll('{scratch}', inside)]),
  )
  const child = container === undefined ? runHere(environment) : runImage(environment, scratch)
  let text = ''
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (chunk) => {
      text += chunk
    })
  }
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const remove = async () => {
    killTree(child, 'SIGKILL')
    await ended
    if (options.scratch === undefined) rmSync(scratch, { recursive: true, force: true })
  }
  const address = listens ? addressIn(() => text) : ''
  const url = await Promise.race([address, ended.then(() => undefined)])
  if (url === undefined) {
    await remove()
    throw new Error(`The container has ended:\n${text}`)
  }
  return {
    url,
    scratch,
    log: () => text,
    async end(signal) {
      const startedAt = performance.now()
      killTree(child, signal)
      return { status: await ended, afterMs: performance.now() - startedAt }
    },
    remove,
  }
}

function runHere(environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, ['functions/gpu/main.ts', 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...environment },
  })
}

/** As an engine would: the image's own entry point and command, its user, one writable folder. */
function runImage(environment: Record<string, string>, scratch: string): ChildProcess {
  const inspected = execFileSync('buildah', ['inspect', container ?? ''], { encoding: 'utf8' })
  const { Entrypoint = [], Cmd = [] } = JSON.parse(inspected).OCIv1.config as {
    Entrypoint?: string[]
    Cmd?: string[]
  }
  // What another container has left is this user's, and may still be written by one that is dying.
  if (statSync(scratch).uid !== imageUser) {
    execFileSync('chown', ['-R', `${imageUser}:${imageUser}`, scratch])
  }
  const variables = Object.entries(environment).flatMap(([name, value]) => [
    '--env',
    `${name}=${value}`,
  ])
  return spawn(
    'buildah',
    [
      ...['run', '--isolation', 'chroot', '--volume', `${scratch}:/tmp:rw`],
      ...[...variables, container ?? '', '--', ...Entrypoint, ...Cmd],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
}

async function addressIn(log: () => string): Promise<string> {
  for (;;) {
    const [, url] = /"message":"serving","location":"([^"]+)"/.exec(log()) ?? []
    if (url !== undefined) return url
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** What an engine signals is the process of the image: here the last one of a line of helpers. */
function killTree({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return
  const line = [pid]
  while (container !== undefined && isHelper(line[0] ?? 0)) {
    const [child] = childrenOf(line[0] ?? 0)
    if (child === undefined) break
    line.unshift(child)
  }
  const [target] = line
  for (const one of signal === 'SIGKILL' ? line : [target ?? pid]) {
    try {
      process.kill(one, signal)
    } catch {
      // It has ended meanwhile.
    }
  }
}

const isHelper = (pid: number) =>
  /buildah|^exe$/.test(readFileSync(`/proc/${pid}/comm`, 'utf8').trim())
