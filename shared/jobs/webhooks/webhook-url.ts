import { isIP } from 'node:net'
import { ServiceError } from '#shared/errors/service-error.ts'
import { isLoopback, isPublicAddress } from './public-address.ts'

export interface WebhookPolicy {
  /** For development: this machine may be called, by http and at any port, too. */
  readonly local?: boolean
}

const ports: ReadonlySet<string> = new Set(['', '443', '8443'])
const longestUrl = 2_048

/**
 * Names that nobody's public host has: those of this machine and of networks of one's own (RFC 6761,
 * 6762, 8375; ICANN's `internal`), and any of one word.
 */
const insideName = /^[^.]*$|(^|\.)(localhost|local|internal|home\.arpa|test|invalid|onion)$/

/** Whether an address may be connected to. */
export const mayConnect = (address: string, { local = false }: WebhookPolicy): boolean =>
  isPublicAddress(address) || (local && isLoopback(address))

/**
 * The address that a webhook is sent to, as far as it can be judged by itself; what its name resolves
 * to is looked at when it is sent.
 *
 * @throws ServiceError `webhook_refused`
 */
export function readWebhookUrl(text: string, policy: WebhookPolicy = {}): URL {
  const url = text.length <= longestUrl ? URL.parse(text) : null
  if (!url) throw refused('It is no URL of at most 2,048 characters.')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.username !== '' || url.password !== '') throw refused('It carries credentials.')
  if (isIP(host) !== 0 && !mayConnect(host, policy)) throw refused('Its address is not public.')
  if (policy.local && (isLoopback(host) || host === 'localhost')) {
    if (url.protocol === 'http:' || url.protocol === 'https:') return url
  }
  if (isIP(host) === 0 && insideName.test(host.replace(/\.$/, ''))) {
    throw refused('Its name is that of no public host.')
  }
  if (url.protocol !== 'https:') throw refused('It is not https.')
  if (!ports.has(url.port)) throw refused('Its port is not 443 or 8443.')
  return url
}

const refused = (detail: string) => new ServiceError('webhook_refused', { detail })
