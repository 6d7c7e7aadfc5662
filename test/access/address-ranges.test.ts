import { describe, expect, test } from 'vitest'
import { addressRanges } from '#shared/access/address-ranges.ts'

test.each([
  [['203.0.113.7']],
  [['203.0.113.0/24', '0.0.0.0/0', '10.1.2.3/8']],
  [['2001:db8::/32', '::1', '2001:DB8::1/128', '::/0']],
])('takes addresses and ranges of both families: %j', (texts) => {
  expect(() => addressRanges.check(texts)).not.toThrow()
})

test.each([
  ...['', ' ', 'localhost', '203.0.113', '203.0.113.256', '010.0.0.1', '203.0.113.7 '],
  ...['203.0.113.0/33', '203.0.113.0/-1', '203.0.113.0/', '203.0.113.0/08', '203.0.113.0/24/8'],
  ...['2001:db8::/129', '2001:db8:::1', 'fe80::1%eth0', '::ffff:203.0.113.7', '1.2.3.4/1e1'],
])('refuses what is neither: %j', (text) => {
  const refusal = expect.objectContaining({ code: 'parameter_invalid', status: 422 })
  expect(() => addressRanges.check(['203.0.113.7', text])).toThrow(refusal)
})

test('refuses a list that is empty or absurdly long', () => {
  expect(() => addressRanges.check([])).toThrow()
  expect(() => addressRanges.check(Array(50).fill('::1'))).not.toThrow()
  expect(() => addressRanges.check(Array(51).fill('::1'))).toThrow()
})

describe('an address', () => {
  const matches = addressRanges.matcher([
    '203.0.113.0/24',
    '10.1.2.3',
    '2001:db8::/32',
    'fe80::/10',
  ])

  test.each([
    ...['203.0.113.0', '203.0.113.255', '10.1.2.3', '2001:db8::', '2001:DB8:ffff::1'],
    // As a socket for both families names an IPv4 address, in each way of writing it.
    ...['::ffff:203.0.113.9', '::FFFF:203.0.113.9', '::ffff:cb00:7109', '0:0:0:0:0:ffff:10.1.2.3'],
    'fe80::1%eth0',
  ])('%s lies in them', (address) => expect(matches(address)).toBe(true))

  test.each([
    ...['203.0.112.255', '203.0.114.0', '10.1.2.4', '2001:db9::', '::1', '::ffff:203.0.114.1'],
    // Not mapped: the deprecated compatible form, and others that only end in the address.
    ...['::203.0.113.9', '64:ff9b::203.0.113.9'],
    ...[undefined, '', 'unknown', '203.0.113.9, 203.0.113.8', '203.0.113.9:443'],
  ])('%s does not', (address) => expect(matches(address)).toBe(false))
})

test.each<[boolean, string[], string[]]>([
  [true, ['203.0.113.7'], ['203.0.113.0/24']],
  [true, ['203.0.113.0/24'], ['203.0.113.0/24']],
  [true, ['203.0.113.0/25', '2001:db8:1::/48'], ['2001:db8::/32', '203.0.113.0/24']],
  [true, ['10.0.0.0/8'], ['0.0.0.0/0']],
  [false, ['203.0.113.0/24'], ['203.0.113.0/25']],
  [false, ['203.0.113.0/24'], ['203.0.114.0/24']],
  [false, ['203.0.113.0/24', '::1'], ['203.0.113.0/24']],
  [false, ['0.0.0.0/0'], ['203.0.113.0/24']],
  [false, ['203.0.113.7'], ['::1']],
])('%s: %j lie within %j', (expected, inner, outer) => {
  expect(addressRanges.within(inner, outer)).toBe(expected)
})
