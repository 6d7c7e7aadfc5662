/**
 * What a log line may hold. Fields are named here, never whole objects, so that no input, header or
 * secret slips in.
 */
export interface LogFields {
  requestId?: string | undefined
  method?: string | undefined
  route?: string | undefined
  model?: string | undefined
  status?: number | undefined
  code?: string | undefined
  detail?: string | undefined
  durationMs?: number | undefined
  tenant?: string | undefined
  keyId?: string | undefined
  location?: string | undefined
  bytes?: number | undefined
  cause?: unknown
}

const levels = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof levels)[number]
export type LogLevel = Level | 'silent'

export type Logger = Record<Level, (message: string, fields?: LogFields) => void>

export interface LoggerOptions {
  level?: LogLevel
  write?: (line: string) => void
  now?: () => number
}

/** One JSON object a line, on standard error: standard output belongs to whoever runs a command. */
export function createLogger({
  level = 'info',
  write = (line) => process.stderr.write(`${line}\n`),
  now = Date.now,
}: LoggerOptions = {}): Logger {
  const threshold = level === 'silent' ? levels.length : levels.indexOf(level)
  const logAt = (name: Level, rank: number) => {
    if (rank < threshold) return () => undefined
    return (message: string, { cause, durationMs, ...fields }: LogFields = {}) =>
      write(
        JSON.stringify({
          time: new Date(now()).toISOString(),
          level: name,
          message,
          ...fields,
          ...(durationMs !== undefined && { durationMs: Math.round(durationMs * 100) / 100 }),
          ...(cause !== undefined && { cause: describeCause(cause) }),
        }),
      )
  }
  return Object.fromEntries(levels.map((name, rank) => [name, logAt(name, rank)])) as Logger
}

/** The chain of causes, outermost first, a line each with its stack's first frames. */
function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const here = (cause.stack ?? String(cause)).split('\n').slice(0, 4).join(' | ')
  return cause.cause === undefined ? here : `${here} || ${describeCause(cause.cause)}`
}
