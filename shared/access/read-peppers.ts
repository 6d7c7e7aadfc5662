import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '#shared/config/environment.ts'
import { readPepperFile } from './pepper-file.ts'
import type { Peppers } from './peppers.ts'

/** The peppers of one machine: those of the environment, else of the files in its data folder. */
export function readPeppers(environment: Environment): Peppers {
  const { PERCALL_KEY_PEPPER, PERCALL_KEY_PEPPER_OLD: oldPepper, PERCALL_HOME } = environment
  if (PERCALL_KEY_PEPPER !== undefined) return { pepper: PERCALL_KEY_PEPPER, oldPepper }
  const path = join(PERCALL_HOME, 'pepper')
  const oldPath = `${path}.old`
  return {
    pepper: readPepperFile(path),
    oldPepper: oldPepper ?? (existsSync(oldPath) ? readPepperFile(oldPath) : undefined),
  }
}
