import { expect, test } from 'vitest'
import { keyPrefix, s3Address } from '#shared/artifacts/s3-location.ts'

const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' }
const location = { bucket: 'models', region: 'eu-central-1', credentials }

test('addresses a bucket of AWS by its own host, over TLS', () => {
  expect(s3Address(location)).toEqual({
    server: { host: 'models.s3.eu-central-1.amazonaws.com', port: 443, tls: true },
    hostHeader: 'models.s3.eu-central-1.amazonaws.com',
    basePath: '',
  })
})

test('addresses a bucket whose dots no certificate covers by path', () => {
  expect(s3Address({ ...location, bucket: 'models.example.com' })).toEqual({
    server: { host: 's3.eu-central-1.amazonaws.com', port: 443, tls: true },
    hostHeader: 's3.eu-central-1.amazonaws.com',
    basePath: '/models.example.com',
  })
})

test.each([
  ['http://127.0.0.1:9000', '127.0.0.1', 9000, false, '127.0.0.1:9000'],
  ['https://s3.example.com/', 's3.example.com', 443, true, 's3.example.com'],
  ['http://[::1]:9000', '::1', 9000, false, '[::1]:9000'],
])('addresses the endpoint %s by path', (endpoint, host, port, tls, hostHeader) => {
  const server = { host, port, tls }
  expect(s3Address({ ...location, endpoint })).toEqual({ server, hostHeader, basePath: '/models' })
})

test.each([
  [undefined, ''],
  ['', ''],
  ['production', 'production/'],
  ['production/eu/', 'production/eu/'],
])('puts the folder %j before every key as %j', (prefix, expected) => {
  expect(keyPrefix({ ...location, prefix })).toBe(expected)
})
