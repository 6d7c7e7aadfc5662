import { expect, test } from 'vitest'
import { createLockout } from '#shared/access/lockout.ts'

function lockoutAt(start: number, maxSources = 100) {
  const clock = { now: start }
  const settings = { maxFailures: 3, windowMs: 10_000, lockMs: 60_000, maxSources }
  const lockout = createLockout({ ...settings, now: () => clock.now })
  const fail = (source: string, times: number) => {
    for (let failures = 0; failures < times; failures += 1) lockout.recordFailure(source)
  }
  return { clock, lockout, fail }
}

test('locks a source out at the limit and not one failure earlier', () => {
  const { lockout, fail } = lockoutAt(0)
  fail('203.0.113.7', 2)
  expect(() => lockout.check('203.0.113.7')).not.toThrow()
  fail('203.0.113.7', 1)
  const refusal = { code: 'too_many_attempts', status: 429, retryAfterSeconds: 60 }
  expect(() => lockout.check('203.0.113.7')).toThrow(expect.objectContaining(refusal))
  expect(() => lockout.check('203.0.113.8')).not.toThrow()
})

test('lets it in again when the time it was told has passed, with a clean slate', () => {
  const { clock, lockout, fail } = lockoutAt(0)
  fail('a', 3)
  clock.now = 59_999
  expect(() => lockout.check('a')).toThrow(expect.objectContaining({ retryAfterSeconds: 1 }))
  clock.now = 60_000
  expect(() => lockout.check('a')).not.toThrow()
  fail('a', 2)
  expect(() => lockout.check('a')).not.toThrow()
})

test('forgets failures that lie further apart than the window', () => {
  const { clock, lockout, fail } = lockoutAt(0)
  for (clock.now = 0; clock.now < 100_000; clock.now += 5_000) {
    if (clock.now % 10_000 === 0) fail('slow', 2)
    expect(() => lockout.check('slow')).not.toThrow()
  }
})

test('counts the addresses of one IPv6 network as one source', () => {
  const { lockout, fail } = lockoutAt(0)
  fail('2001:db8:0:1::1', 1)
  fail('2001:db8::1:aaaa:bbbb:cccc:dddd', 1)
  fail('2001:0DB8:0000:0001:1:2:3:4', 1)
  expect(() => lockout.check('2001:db8:0:1:ffff::')).toThrow()
  expect(() => lockout.check('2001:db8:0:2::1')).not.toThrow()
})

test('counts an IPv4 address in IPv6 dress as what it is', () => {
  const { lockout, fail } = lockoutAt(0)
  fail('::ffff:203.0.113.7', 3)
  expect(() => lockout.check('203.0.113.7')).toThrow()
  expect(() => lockout.check('::ffff:203.0.113.8')).not.toThrow()
})

test('remembers a bounded number of sources', () => {
  const { lockout, fail } = lockoutAt(0, 2)
  for (const source of ['first', 'second', 'third']) fail(source, 3)
  expect(() => lockout.check('first')).not.toThrow()
  expect(() => lockout.check('second')).toThrow()
  expect(() => lockout.check('third')).toThrow()
})
