import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FunctionFailure, type Outcome, startRuntimeApiServer } from './runtime-api-server.ts'

/** What Lambda grants an initialisation before it starts the function anew, in milliseconds. */
const initLimitMs = 10_000

export interface EnvironmentOptions {
  /** Folder with `node`, `index.mjs` and `rapid-client.node`. */
  readonly runtimeFolder: string
  /** The unpacked zip; the function may not write there. */
  readonly taskRoot: string
  /** The folder that stands for `/tmp`; it lives as long as the environment. */
  readonly scratchFolder: string
  readonly functionArn: string
  readonly variables: Readonly<Record<string, string>>
  readonly timeoutMs: number
  /** Whom the function runs as: not root, to whom a read-only folder is no obstacle. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined
}

export interface ExecutionEnvironment {
  /** From the start of the process until the runtime asked for its first event. */
  readonly initMs: number
  /** Everything the function wrote to standard output and error. */
  logs(): string
  /** Resident memory of the process now, in bytes; 0 when it has ended. */
  residentBytes(): number
  /** It crashed or ran past its deadline, and takes no further event. */
  dead(): boolean
  /** Thaws the process, hands it the event and freezes it when it has answered. */
  invoke(event: string): Promise<Outcome>
  stop(): Promise<void>
}

/**
 * One process of Lambda's runtime client with one server beside it, as one sandbox of Lambda: it
 * takes one event at a time and stands still between events.
 * @returns the environment, or why its initialisation failed
 */
export async function startExecutionEnvironment(
  options: EnvironmentOptions,
): Promise<ExecutionEnvironment | FunctionFailure> {
  const { scratchFolder, timeoutMs, functionArn } = options
  mkdirSync(scratchFolder)
  chmodSync(scratchFolder, 0o777)
  const server = await startRuntimeApiServer()
  const startedAt = performance.now()
  const child = spawnRuntime(options, server.address)
  const logs = collectOutput(child)
  let dead = false
  const exited = exitOf(child).finally(() => {
    dead = true
  })
  const stop = async () => {
    child.kill('SIGKILL')
    await exited
    await server.close()
    rmSync(scratchFolder, { recursive: true, force: true })
  }

  const failure = await within(initLimitMs, 'Sandbox.InitTimedout', [server.started, exited])
  if (failure) {
    await stop()
    return { ...failure, errorMessage: `${failure.errorMessage}\n${logs()}` }
  }
  const initMs = performance.now() - startedAt
  child.kill('SIGSTOP')

  return {
    initMs,
    logs,
    residentBytes: () => (dead ? 0 : residentBytes(child.pid)),
    dead: () => dead,
    stop,
    async invoke(event) {
      child.kill('SIGCONT')
      const answer = server.send(event, Date.now() + timeoutMs, functionArn)
      const outcome = await within(timeoutMs, 'Sandbox.Timedout', [
        answer,
        exited.then((failure): Outcome => ({ kind: 'error', ...failure })),
      ])
      if ('kind' in outcome) {
        // A stream is still being written: its process freezes at the end of the next event.
        if (outcome.kind !== 'stream') child.kill('SIGSTOP')
        return outcome
      }
      await stop()
      return { kind: 'error', ...outcome }
    },
  }
}

function spawnRuntime(options: EnvironmentOptions, runtimeApi: string): ChildProcess {
  const { runtimeFolder, taskRoot, scratchFolder, variables, user } = options
  return spawn(join(runtimeFolder, 'node'), [join(runtimeFolder, 'index.mjs')], {
    cwd: taskRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...variables,
      AWS_LAMBDA_RUNTIME_API: runtimeApi,
      LAMBDA_TASK_ROOT: taskRoot,
      TMPDIR: scratchFolder,
    },
    ...user,
  })
}

function collectOutput({ stdout, stderr }: ChildProcess): () => string {
  let text = ''
  for (const stream of [stdout, stderr]) {
    stream?.on('data', (chunk) => {
      text += chunk
    })
  }
  return () => text
}

const exitOf = (child: ChildProcess) =>
  new Promise<FunctionFailure>((resolve) => {
    const ended = (reason: string) =>
      resolve({ errorType: 'Runtime.ExitError', errorMessage: `Runtime exited: ${reason}` })
    child.once('error', (error) => ended(String(error)))
    child.once('exit', (code, signal) => ended(signal ? `signal ${signal}` : `exit status ${code}`))
  })

async function within<T>(
  limitMs: number,
  errorType: string,
  results: Promise<T>[],
): Promise<T | FunctionFailure> {
  const settled = new AbortController()
  const late = sleep(limitMs, undefined, { signal: settled.signal }).then(
    (): FunctionFailure => ({
      errorType,
      errorMessage: `Task timed out after ${(limitMs / 1_000).toFixed(2)} seconds`,
    }),
    // The other side came first; nobody waits for this any more.
    () => new Promise<never>(() => {}),
  )
  try {
    return await Promise.race([...results, late])
  } finally {
    settled.abort()
  }
}

function residentBytes(pid = 0): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1_024
}
