import { expect, test } from 'vitest'
import { processEnvironment, readEnvironment } from '#shared/config/environment.ts'
import { refusal } from '#test/support/refusal.ts'

test('has a default for what a newcomer does not set', () => {
  expect(readEnvironment({})).toMatchObject({
    PORT: 8080,
    HOST: '127.0.0.1',
    PERCALL_HOME: '.percall',
    PERCALL_BODY_LIMIT: 6_000_000,
    PERCALL_LOG: 'info',
    PERCALL_ISOLATION: 'process',
  })
})

test('takes an empty variable for an absent one, and leaves others alone', () => {
  const environment = readEnvironment({ PORT: '', PERCALL_KEYS: '', HOME: '/nowhere' })
  expect(environment.PORT).toBe(8080)
  expect(environment).not.toHaveProperty('PERCALL_KEYS')
  expect(environment).not.toHaveProperty('HOME')
})

test('reads numbers', () => {
  expect(readEnvironment({ PORT: '0', PERCALL_WORKERS: '4' })).toMatchObject({
    PORT: 0,
    PERCALL_WORKERS: 4,
  })
})

test.each([
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '80.5'],
  ['PORT', 'http'],
  ['PERCALL_WORKERS', '0'],
  ['PERCALL_ISOLATION', 'fork'],
  ['PERCALL_BODY_LIMIT', '1e99'],
  ['PERCALL_LOG', 'loud'],
  ['PERCALL_KEY_PEPPER', 'canary-4711'],
  ['PERCALL_DEV_KEY', 'canary-4711'],
])('names %s where it is %j, and repeats no value', (name, value) => {
  expect(() => readEnvironment({ [name]: value })).toThrow(refusal('configuration_invalid', name))
  try {
    readEnvironment({ [name]: value })
  } catch (thrown) {
    expect(String(thrown)).not.toContain('canary')
  }
})

test('gives a process that runs models no more than Node needs', () => {
  const source = { PATH: '/bin', AWS_SECRET_ACCESS_KEY: 'canary', PERCALL_KEY_PEPPER: 'canary' }
  expect(processEnvironment(source)).toStrictEqual({ PATH: '/bin', ORT_DISABLE_TELEMETRY: '1' })
})
