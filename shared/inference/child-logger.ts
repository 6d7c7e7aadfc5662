import { createLogger, type Logger } from '#shared/observability/logger.ts'

/**
 * The log of a killable process. Its standard output is its parent's standard error; its own standard
 * error is kept for its last words.
 */
export const childLogger = (): Logger =>
  createLogger({ write: (line) => process.stdout.write(`${line}\n`) })
