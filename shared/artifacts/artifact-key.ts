import { ServiceError } from '#shared/errors/service-error.ts'

const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/**
 * The key itself, if it can name an artifact in every store: segments of letters, digits, `.`, `_`
 * and `-`, none of which begins with a dot. So no key leaves its directory, and none is a hidden
 * (half written) file.
 *
 * @throws ServiceError `configuration_invalid`
 */
export function artifactKey(key: string): string {
  if (key.length <= 256 && key.split('/').every((part) => segment.test(part))) return key
  throw new ServiceError('configuration_invalid', {
    detail: `${JSON.stringify(key)} cannot be the key of an artifact.`,
    fix: 'Use letters, digits, ".", "_", "-" and "/", and begin no segment with a dot.',
  })
}
