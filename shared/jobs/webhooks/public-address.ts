import { isIP } from 'node:net'
import { addressRanges } from '#shared/access/address-ranges.ts'

/**
 * What is not for everybody, of IPv4 (IANA's registry of special-purpose addresses): this network,
 * private, shared (CGNAT), loopback, link-local with the metadata of clouds, documentation, relays,
 * benchmarks, multicast, reserved and broadcast.
 */
const isSpecial4 = addressRanges.matcher([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
])

/**
 * Of IPv6 only global unicast (2000::/3) can be public: so no loopback, unique local, link-local,
 * multicast, IPv4-mapped or NAT64 address (64:ff9b::/96). Of it not what carries an IPv4 address
 * (Teredo, 6to4), documentation and other special uses.
 */
const isGlobal6 = addressRanges.matcher(['2000::/3'])
const isSpecial6 = addressRanges.matcher([
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
])

/** Whether an address belongs to a host that everybody can reach. What is no address does not. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address)
  if (version === 4) return !isSpecial4(address)
  // A zone is the name of an interface of this machine.
  if (version !== 6 || address.includes('%')) return false
  return isGlobal6(address) && !isSpecial6(address)
}

/** Whether it is this machine; for development. */
export const isLoopback = addressRanges.matcher(['127.0.0.0/8', '::1'])
