import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { vi } from 'vitest'

const root = join(import.meta.dirname, '../..')
const entry = join(root, 'shared/cli/percall.ts')

// Each command is a process of its own, and two CPUs may have several to start.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

export interface RunOptions {
  readonly env?: Record<string, string>
  readonly stdin?: string
}

export interface RunResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A machine of its own for one test file: a data folder, and two models that may be spoilt. */
export interface Machine extends Disposable {
  readonly home: string
  readonly models: string
  /** Runs the real command to its end. */
  run(words: readonly string[], options?: RunOptions): Promise<RunResult>
  /** Starts one that stays. */
  start(words: readonly string[], options?: RunOptions): RunningCommand
}

export interface RunningCommand {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly exit: Promise<number | null>
  /** Resolves with the first match in what it has written so far or writes from now on. */
  output(pattern: RegExp): Promise<RegExpExecArray>
  /** Everything so far. */
  written(): string
}

export function newMachine(modelNames: readonly string[] = ['iris', 'language-id']): Machine {
  const folder = mkdtempSync(join(tmpdir(), 'percall-cli-'))
  const home = join(folder, 'home')
  const models = join(folder, 'models')
  mkdirSync(models)
  for (const name of modelNames) {
    cpSync(join(root, 'models', name), join(models, name), { recursive: true })
  }
  const running = new Set<RunningCommand['child']>()
  const launch = (words: readonly string[], { env = {}, stdin = '' }: RunOptions) => {
    const child = spawn(process.execPath, [entry, ...words], {
      cwd: folder,
      env: { PERCALL_HOME: home, PERCALL_MODELS: models, PORT: '0', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    running.add(child)
    const exit = new Promise<number | null>((resolve) => {
      child.on('exit', (code) => {
        running.delete(child)
        resolve(code)
      })
    })
    // A command that reads nothing may be gone before its input is.
    child.stdin.on('error', () => undefined)
    child.stdin.end(stdin)
    return { child, exit }
  }

  return {
    home,
    models,
    async run(words, options = {}) {
      const { child, exit } = launch(words, options)
      const [code, stdout, stderr] = await Promise.all([
        exit,
        text(child.stdout),
        text(child.stderr),
      ])
      return { code, stdout, stderr }
    },
    start(words, options = {}) {
      const { child, exit } = launch(words, options)
      let written = ''
      const waiting = new Set<() => void>()
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (part: string) => {
          written += part
          for (const look of waiting) look()
        })
      }
      const output = (pattern: RegExp): Promise<RegExpExecArray> =>
        new Promise((resolve, reject) => {
          const look = () => {
            const match = pattern.exec(written)
            if (match) resolve(match)
            return match !== null
          }
          if (look()) return
          waiting.add(look)
          void exit.then(() => reject(new Error(`${pattern} was never written:\n${written}`)))
        })
      return { child, exit, output, written: () => written }
    },
    [Symbol.dispose]() {
      for (const child of running) child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
