import { expect, test } from 'vitest'
import { signTarget } from '#shared/aws/sign-target.ts'

// The documented example of the Amazon S3 API reference, "Authenticating requests: using query
// parameters".
const documented = {
  host: 'examplebucket.s3.amazonaws.com',
  path: '/test.txt',
  seconds: 86_400,
  region: 'us-east-1',
  credentials: {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  },
  now: () => Date.UTC(2013, 4, 24),
}
const queryOf = (target: string) => new URL(target, 'https://s3').searchParams

test('signs the URL of an object as the S3 reference does', () => {
  const target = signTarget(documented)
  expect(target).toMatch(/^\/test\.txt\?/)
  expect(Object.fromEntries(queryOf(target))).toEqual({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request',
    'X-Amz-Date': '20130524T000000Z',
    'X-Amz-Expires': '86400',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
  })
})

test('signs the parameters of the request, and the token of passing credentials', () => {
  const credentials = { ...documented.credentials, sessionToken: 'a+token/=' }
  const versioned = (versionId: string) =>
    queryOf(signTarget({ ...documented, credentials, query: { versionId } }))
  expect(versioned('one').get('X-Amz-Security-Token')).toBe('a+token/=')
  expect(versioned('one').get('X-Amz-Signature')).not.toBe(versioned('two').get('X-Amz-Signature'))
})
