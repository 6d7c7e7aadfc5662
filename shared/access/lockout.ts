import { ServiceError } from '#shared/errors/service-error.ts'

export interface LockoutOptions {
  /** Failures within the window that lock a source out. */
  readonly maxFailures?: number
  readonly windowMs?: number
  readonly lockMs?: number
  /** Sources remembered; beyond that the one seen first is forgotten. */
  readonly maxSources?: number
  readonly now?: () => number
}

/**
 * Slows down whoever tries one key after another. It guards the store and the log more than the
 * keys, which 131 random bits guard; it lives in the memory of one process.
 */
export function createLockout(options: LockoutOptions) {
  const { maxFailures = 20, windowMs = 60_000, lockMs = 60_000, maxSources = 10_000 } = options
  const { now = Date.now } = options
  const sources = new Map<string, { failures: number; until: number }>()

  const current = (network: string) => {
    const source = sources.get(network)
    if (source && source.until <= now()) sources.delete(network)
    return sources.get(network)
  }

  return {
    /** @throws ServiceError `too_many_attempts` while the source is locked out */
    check(address: string): void {
      const source = current(networkOf(address))
      if (!source || source.failures < maxFailures) return
      const retryAfterSeconds = Math.ceil((source.until - now()) / 1_000)
      throw new ServiceError('too_many_attempts', { retryAfterSeconds })
    },

    recordFailure(address: string): void {
      const network = networkOf(address)
      const source = current(network) ?? { failures: 0, until: now() + windowMs }
      source.failures += 1
      if (source.failures === maxFailures) source.until = now() + lockMs
      sources.set(network, source)
      for (const oldest of sources.keys()) {
        if (sources.size <= maxSources) break
        sources.delete(oldest)
      }
    },
  }
}

/** One IPv6 customer has at least a /64, so that is one source; an IPv4 address is one as it is. */
function networkOf(address: string): string {
  const mapped = address.lastIndexOf(':') + 1
  if (address.includes('.')) return address.slice(mapped)
  if (mapped === 0) return address
  const [before = '', after] = address.split('::')
  const head = before.split(':').filter(Boolean)
  const tail = after?.split(':').filter(Boolean) ?? []
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  const groups = [...head, ...zeros, ...tail].slice(0, 4)
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')
}
