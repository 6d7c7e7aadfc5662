import { type ChildProcess, fork } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { processEnvironment } from '#shared/config/environment.ts'
import { processUsage } from './process-usage.ts'

export interface KillableProcessOptions<From> {
  /** The module to run; it talks by `process.send` and calls `endWithParent`. */
  program: URL
  memoryLimitBytes: number
  /** Where Node keeps compiled code, so that the next process starts sooner; a private folder. */
  codeCache?: string | undefined
  /**
   * It uses one CPU at a time and runs for long: the young part of its heap stays at 3 x 8 MB, which
   * would grow sixfold for no gain in speed (measured 2026-11-23, 2 vCPU), glibc shares what is freed
   * among its threads, and rubbish is collected by the thread that makes it: helpers took a tenth more
   * CPU time of a batch.
   */
  isLean?: boolean
  onMessage: (message: From) => void
  /** How often time and memory are looked at while it works. */
  pollMs?: number
}

const lean = {
  arguments: ['--max-semi-space-size=8', '--single-threaded-gc'],
  environment: { MALLOC_ARENA_MAX: '1' },
} as const

/** A process that can be killed in the middle of a native call, as no thread can. */
export interface KillableProcess<To> {
  /** Resolves once the message is on its way; a process that has ended takes none. */
  send(message: To): Promise<void>
  /**
   * It is at work and may use so much time from now on, or it rests (`undefined`): a process at rest
   * is not watched and does not keep this one alive.
   */
  allow(limit: TimeLimit | undefined): void
  kill(): void
  /** `undefined` where it could not be started. */
  readonly pid: number | undefined
  /** Resolves once it has ended and every message of it has been delivered. */
  readonly ended: Promise<Ending>
}

/**
 * CPU time is what a run takes however busy the machine is. A run that waits for ever uses none, so
 * there is a limit of the clock's time, too, where nothing else is waited for.
 */
export interface TimeLimit {
  readonly cpuMs: number
  readonly clockMs?: number | undefined
}

export interface Ending {
  /** `stopped`: by us, for no fault of its own. */
  readonly kind: 'timed-out' | 'out-of-memory' | 'crashed' | 'stopped'
  /** Exit code or signal, and the last words on stderr: for the log. */
  readonly detail: string
}

const lastWordsBytes = 2_000
const heapIsFull = /heap out of memory|Array buffer allocation failed/

export function startKillableProcess<To, From>({
  program,
  memoryLimitBytes,
  codeCache,
  isLean = false,
  onMessage,
  pollMs = 25,
}: KillableProcessOptions<From>): KillableProcess<To> {
  const child = fork(fileURLToPath(program), {
    serialization: 'advanced',
    // Its log is no output of a command: it goes where errors go.
    stdio: ['ignore', 2, 'pipe', 'ipc'],
    // Nothing secret: a model's file is not trusted further than it must be.
    env: {
      ...processEnvironment(),
      ...(codeCache && { NODE_COMPILE_CACHE: codeCache }),
      ...(isLean && lean.environment),
    },
    execArgv: [
      `--max-old-space-size=${Math.ceil((memoryLimitBytes * 0.75) / 2 ** 20)}`,
      ...(isLean ? lean.arguments : []),
    ],
  })
  // Where the whole machine runs out of memory, this process goes rather than its parent.
  if (child.pid !== undefined) volunteer(child.pid)
  let lastWords = ''
  let reason: Ending['kind'] | undefined
  let allowed: TimeLimit | undefined
  /** What was used before; taken when it is next looked at, since limits change far more often. */
  let since: { readonly clockMs: number; readonly cpuMs: number | undefined } | undefined
  let timer: NodeJS.Timeout | undefined
  let isOver = false

  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-lastWordsBytes)
  })
  child.on('message', (message) => onMessage(message as From))
  const kill = (why: Ending['kind']) => {
    if (isOver) return
    reason ??= why
    // Whoever waits for its end must not end before it.
    setAlive(child, true)
    child.kill('SIGKILL')
  }
  const look = () => {
    const usage = processUsage(child.pid ?? 0)
    const clockMs = performance.now()
    since ??= { clockMs, cpuMs: usage?.cpuMs }
    const passedMs = clockMs - since.clockMs
    // Without /proc (macOS) the clock must do.
    const usedMs = usage && since.cpuMs !== undefined ? usage.cpuMs - since.cpuMs : passedMs
    if (!allowed) return
    if (usedMs > allowed.cpuMs || passedMs > (allowed.clockMs ?? Number.POSITIVE_INFINITY)) {
      kill('timed-out')
    } else if (usage && usage.rssBytes > memoryLimitBytes) kill('out-of-memory')
  }

  const ended = endOf(child).then((how) => {
    isOver = true
    clearInterval(timer)
    const kind = reason ?? (heapIsFull.test(lastWords) ? 'out-of-memory' : 'crashed')
    return { kind, detail: `${how}${lastWords ? `: ${lastWords.trim()}` : ''}` }
  })
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (child.connected) child.send(message as object, undefined, {}, () => resolve())
        else resolve()
      }),
    allow(limit) {
      if (isOver) return
      allowed = limit
      since = undefined
      if (limit && !timer) timer = setInterval(look, pollMs)
      else if (!limit) {
        clearInterval(timer)
        timer = undefined
      } else return
      setAlive(child, limit !== undefined)
    },
    kill: () => kill('stopped'),
    pid: child.pid,
    ended,
  }
}

/** `close`: after the exit, once stderr and the channel have been read to their ends. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
    // It could not be started.
    child.once('error', (error) => resolve(String(error)))
  })
}

function setAlive(child: ChildProcess, isAlive: boolean): void {
  const handles = [child, child.channel, child.stderr as { ref?(): void; unref?(): void } | null]
  for (const handle of handles) {
    if (isAlive) handle?.ref?.()
    else handle?.unref?.()
  }
}

function volunteer(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000')
  } catch {
    // The system has no such thing, or the process has ended already.
  }
}
