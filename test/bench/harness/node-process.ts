import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { clock } from './clock.ts'

export interface NodeProcessOptions {
  readonly file: string
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** The CPUs that it and its children may use, as `taskset` names them: `0`, `0,1`. Linux only. */
  readonly cpus?: string | undefined
}

/**
 * Runs a process to its end and returns what it told: one line of JSON.
 * @returns with `startedAt`, the clock just before the process was made
 */
export async function runNode<Told>(options: NodeProcessOptions): Promise<Told & StartedAt> {
  const { child, told, startedAt } = startNode<Told>(options)
  const [value, [code]] = await Promise.all([told, once(child, 'exit')])
  if (code !== 0) throw new Error(`${options.file} ended with exit code ${code}.`)
  return { ...value, startedAt }
}

/** Starts a process that goes on after it has told its line, until it is stopped. */
export async function serveNode<Told>(options: NodeProcessOptions) {
  const { child, told } = startNode<Told>(options)
  const stop = async () => {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  return { told: await told, child, stop }
}

interface StartedAt {
  readonly startedAt: number
}

function startNode<Told>({ file, args = [], environment = {}, cpus }: NodeProcessOptions) {
  const startedAt = clock()
  const pinned = cpus === undefined ? [] : ['taskset', '--cpu-list', cpus]
  const [program = '', ...rest] = [...pinned, process.execPath, file, ...args]
  const child = spawn(program, rest, {
    // Nothing of this machine's own settings; SDK and product see the same credentials.
    env: { PATH: process.env.PATH, AWS_REGION: 'eu-central-1', ...credentials, ...environment },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  return { child, told: firstLine<Told>(child, file), startedAt }
}

const credentials = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' }

/** The first line that is JSON; a function's log lines go to the same place, but after it. */
async function firstLine<Told>(child: ChildProcess, file: string): Promise<Told> {
  if (!child.stdout) throw new Error('stdout is piped')
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('{"told":')) return JSON.parse(line).told
  }
  throw new Error(`${file} ended without a result.`)
}
