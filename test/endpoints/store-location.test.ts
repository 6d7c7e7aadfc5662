import { expect, test } from 'vitest'
import { storeName } from '#shared/endpoints/store-location.ts'

test.each([
  ['dynamodb:orders', 'orders'],
  ['.percall/keys.sqlite', undefined],
  ['/var/lib/keys.sqlite', undefined],
  ['keys', undefined],
])('%s names %s', (location, name) => {
  expect(storeName('PERCALL_KEYS', location, 'dynamodb:')).toBe(name)
})

test.each(['dynamodb:', 'dynamodb://orders', 'dynamo:orders', 's3://bucket', 'https://host/x'])(
  'takes %s for a slip of the pen, not for a file',
  (location) => {
    expect(() => storeName('PERCALL_KEYS', location, 'dynamodb:')).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    )
  },
)

test('takes a bucket with its folders', () => {
  expect(storeName('PERCALL_ARTIFACTS', 's3://bucket/a/b', 's3://')).toBe('bucket/a/b')
})
