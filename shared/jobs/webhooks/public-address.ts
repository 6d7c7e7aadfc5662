import { BlockList, isIP } from 'node:net'

/**
 * What is not for everybody, of IPv4 (IANA's registry of special-purpose addresses): this network,
 * private, shared (CGNAT), loopback, link-local with the metadata of clouds, documentation, relays,
 * benchmarks, multicast, reserved and broadcast.
 */
const special4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const

/**
 * Of IPv6 only global unicast (2000::/3) can be public: so no loopback, unique local, link-local,
 * multicast, IPv4-mapped or NAT64 address (64:ff9b::/96). Of it not what carries an IPv4 address
 * (Teredo, 6to4), documentation and other special uses.
 */
const global6 = [['2000::', 3]] as const
const special6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
] as const

const listOf = (
  ranges: readonly (readonly [string, number])[],
  family: 'ipv4' | 'ipv6',
): BlockList => {
  const list = new BlockList()
  for (const [address, prefix] of ranges) list.addSubnet(address, prefix, family)
  return list
}
const refused4 = listOf(special4, 'ipv4')
const allowed6 = listOf(global6, 'ipv6')
const refused6 = listOf(special6, 'ipv6')

/** Whether an address belongs to a host that everybody can reach. What is no address does not. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address)
  if (version === 4) return !refused4.check(address, 'ipv4')
  // A zone is the name of an interface of this machine.
  if (version !== 6 || address.includes('%')) return false
  return allowed6.check(address, 'ipv6') && !refused6.check(address, 'ipv6')
}

const loopbacks = new BlockList()
loopbacks.addSubnet('127.0.0.0', 8, 'ipv4')
loopbacks.addAddress('::1', 'ipv6')

/** Whether it is this machine; for development. */
export const isLoopback = (address: string): boolean => {
  const version = isIP(address)
  return version !== 0 && loopbacks.check(address, version === 4 ? 'ipv4' : 'ipv6')
}
