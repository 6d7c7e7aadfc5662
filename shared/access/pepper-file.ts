import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'

/**
 * The pepper of a single machine: 256 random bits in a file for its owner alone, made at first use.
 * Two processes that start together end up with the same one.
 */
export function readPepperFile(path: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${process.pid}.tmp`
  try {
    return readPepper(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  try {
    writeFileSync(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flush: true })
    // A link appears whole or not at all, and never replaces what another process made meanwhile.
    linkSync(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return readPepper(path)
}

function readPepper(path: string): string {
  const pepper = readFileSync(path, 'utf8').trim()
  if (pepper.length >= 32) return pepper
  throw new ServiceError('configuration_invalid', {
    detail: 'The pepper file holds fewer than 32 characters.',
    fix: 'Restore it from a backup. Without it the keys made so far are lost; to start anew, delete it.',
  })
}

const hasCode = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && error.code === code
