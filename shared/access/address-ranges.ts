import { BlockList, isIP } from 'node:net'
import { ServiceError } from '#shared/errors/service-error.ts'

interface AddressRange {
  readonly address: string
  /** How many leading bits count. */
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

const mostRanges = 50

/**
 * Where a key may be used from: IPv4 and IPv6 ranges in CIDR notation (RFC 4632, RFC 4291), or single
 * addresses. Of a network the bits behind the prefix do not count.
 */
export const addressRanges = {
  /** @throws ServiceError `parameter_invalid` */
  check(texts: readonly string[]): void {
    if (texts.length > 0 && texts.length <= mostRanges && texts.every(parse)) return
    throw new ServiceError('parameter_invalid', {
      detail: `Addresses are 1 to ${mostRanges} of the form 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.`,
    })
  },

  /**
   * Whether an address lies in one of the ranges; an unknown one lies in none. An IPv4-mapped one
   * (`::ffff:203.0.113.7`, as a socket for both families names it) is the IPv4 address.
   */
  matcher(texts: readonly string[]): (address: string | undefined) => boolean {
    const list = listOf(texts.flatMap((text) => parse(text) ?? []))
    return (text = '') => {
      // The zone of a link-local address is the name of an interface.
      const [address = ''] = text.split('%')
      const version = isIP(address)
      return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
    }
  },

  /** Whether each of the inner ranges lies whole within one of the outer. */
  within(inner: readonly string[], outer: readonly string[]): boolean {
    const wide = outer.flatMap((text) => parse(text) ?? [])
    return inner.every((text) => {
      const range = parse(text)
      return range && wide.some((one) => contains(one, range))
    })
  },
}

function parse(text: string): AddressRange | undefined {
  const [, address = '', digits] = /^([0-9A-Fa-f.:]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const version = isIP(address)
  // A mapped range would say the same as an IPv4 one in other words, and not be found to lie in it.
  if (version === 0 || (version === 6 && address.includes('.'))) return undefined
  const bits = version === 4 ? 32 : 128
  const prefix = digits === undefined ? bits : Number(digits)
  return prefix > bits ? undefined : { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' }
}

function listOf(ranges: readonly AddressRange[]): BlockList {
  const list = new BlockList()
  for (const { address, prefix, family } of ranges) list.addSubnet(address, prefix, family)
  return list
}

const contains = (wide: AddressRange, { address, prefix, family }: AddressRange): boolean =>
  wide.family === family && wide.prefix <= prefix && listOf([wide]).check(address, family)
