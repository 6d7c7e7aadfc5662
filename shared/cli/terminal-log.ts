import { createLogger, type Logger, type LogLevel } from '#shared/observability/logger.ts'
import { errorColors } from './terminal.ts'

interface LogLine {
  time: string
  level: string
  message: string
  method?: string
  route?: string
  model?: string
  status?: number
  code?: string
  durationMs?: number
  detail?: string
  cause?: string
}

/** The service's log for a person at a terminal: one short line a call. */
export function terminalLogger(level: LogLevel, write: (line: string) => void): Logger {
  return createLogger({ level, write: (line) => write(readable(JSON.parse(line) as LogLine)) })
}

function readable(line: LogLine): string {
  const { dim, red, yellow, green } = errorColors
  const { level, status, durationMs, route, model } = line
  const color = level === 'error' ? red : (status ?? 0) >= 400 || level === 'warn' ? yellow : green
  const what =
    status === undefined
      ? `${color(level)} ${line.message}`
      : `${color(String(status))} ${line.method} ${(route ?? '?').replace('{model}', model ?? '{model}')}`
  const time = durationMs === undefined ? undefined : dim(`${durationMs.toFixed(1)} ms`)
  return [
    dim(new Date(line.time).toTimeString().slice(0, 8)),
    what,
    time,
    line.code,
    line.detail,
    line.cause && dim(line.cause),
  ]
    .filter((part) => part !== undefined)
    .join('  ')
}
