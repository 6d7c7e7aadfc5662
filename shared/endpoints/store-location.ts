import { ServiceError } from '#shared/errors/service-error.ts'

/**
 * The name behind a scheme, `orders` of `dynamodb:orders`; `undefined` for a path of this machine.
 *
 * @param variable for the message
 * @throws ServiceError `configuration_invalid` for another scheme, or where the name is missing: a
 * slip of the pen must not become a file
 */
export function storeName(
  variable: string,
  location: string,
  scheme: 'dynamodb:' | 's3://' | 'sqs:',
): string | undefined {
  const name = location.startsWith(scheme) ? location.slice(scheme.length) : ''
  if (/^[^/:]/.test(name)) return name
  if (!/^[a-z][a-z0-9+.-]+:/i.test(location)) return undefined
  throw new ServiceError('configuration_invalid', {
    detail: `${variable} is neither ${scheme}NAME nor a path.`,
  })
}
