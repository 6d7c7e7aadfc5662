import { accessSync, constants } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { ServiceError } from '#shared/errors/service-error.ts'

/**
 * Checks where a command is to write to, before anything is paid for.
 * @throws ServiceError `parameter_invalid` where a target is the input or another target, or lies in
 * a folder that cannot be written
 */
export function checkTargets(input: string, targets: readonly (string | undefined)[]): void {
  const taken = new Set([resolve(input)])
  for (const target of targets) {
    // Standard output is no file.
    if (target === undefined || target === '-') continue
    const path = resolve(target)
    if (taken.has(path)) {
      throw new ServiceError('parameter_invalid', {
        detail: `${target} would be written over.`,
        fix: 'Name another file.',
      })
    }
    taken.add(path)
    try {
      accessSync(dirname(path), constants.W_OK)
    } catch (cause) {
      throw new ServiceError('parameter_invalid', {
        detail: `${dirname(path)} cannot be written to.`,
        fix: 'Name a file in a folder that is there.',
        cause,
      })
    }
  }
}
