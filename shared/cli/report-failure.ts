import { inspect } from 'node:util'
import { readEnvironment } from '#shared/config/environment.ts'
import type { ErrorCode } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { errorColors, note, printJson } from './terminal.ts'

/** What to do about it here, where the error's own sentence speaks to callers of the service. */
const fixes: Partial<Record<ErrorCode, string>> = {
  model_not_found: 'List the models with "percall models list".',
  version_not_found: 'See the versions with "percall models show <model>".',
  input_invalid: 'See what the model takes with "percall models show <model>".',
  server_unreachable: 'Start one with "percall dev", or check --url.',
  credentials_missing: 'Give a key with --key or in PERCALL_API_KEY.',
  internal: 'Run it again with PERCALL_LOG=debug to see where it came from.',
}

export interface Failure {
  readonly code: string
  /** What went wrong. */
  readonly title: string
  /** Why, where that is known. */
  readonly detail: string | undefined
  /** How to mend it. */
  readonly fix: string
}

/** Anything thrown, in words for the person who gave the command. */
export function failureOf(thrown: unknown): Failure {
  const error = ServiceError.from(thrown)
  const { code, title, detail, cause } = error
  const ownFix = error.fix !== new ServiceError(code).fix
  return {
    code,
    title,
    detail: detail ?? (cause instanceof Error ? cause.message : undefined),
    fix: (!ownFix && fixes[code]) || error.fix,
  }
}

/** Says what went wrong, why, and how to mend it. @returns the exit code */
export function reportFailure(thrown: unknown, { json }: { json: boolean }): number {
  if (json) printJson({ error: failureOf(thrown) })
  else note(failureText(thrown))
  if (isDebugging()) note(inspect(thrown))
  return 1
}

/** The same as text: what, why, how to mend it. */
export function failureText(thrown: unknown): string {
  const { code, title, detail, fix } = failureOf(thrown)
  const { red, dim } = errorColors
  const why = detail?.split('\n').map((line) => `  ${line}\n`) ?? []
  return `${red('✖')} ${title} ${dim(`(${code})`)}\n${why.join('')}  → ${fix}`
}

function isDebugging(): boolean {
  try {
    return readEnvironment().PERCALL_LOG === 'debug'
  } catch {
    return false
  }
}
