import { expect, test } from 'vitest'
import { type RequestToSign, signRequest } from '#shared/aws/sign-request.ts'

// The documented examples of the Amazon S3 API reference, "Signature calculations for the
// Authorization header", and of the Signature Version 4 test suite.
const s3: Pick<RequestToSign, 'host' | 'service' | 'region' | 'credentials' | 'now'> = {
  host: 'examplebucket.s3.amazonaws.com',
  service: 's3',
  region: 'us-east-1',
  credentials: {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  },
  now: () => Date.UTC(2013, 4, 24),
}
const suite: Omit<RequestToSign, 'method'> = {
  host: 'example.amazonaws.com',
  service: 'service',
  region: 'us-east-1',
  credentials: {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  },
  now: () => Date.UTC(2015, 7, 30, 12, 36),
}

const signatureOf = (request: RequestToSign) =>
  signRequest(request).authorization?.split('Signature=')[1]

test('signs a ranged S3 GET as the S3 reference does', () => {
  const headers = signRequest({
    ...s3,
    method: 'GET',
    path: '/test.txt',
    headers: { range: 'bytes=0-9' },
  })
  expect(headers).toEqual({
    host: 'examplebucket.s3.amazonaws.com',
    range: 'bytes=0-9',
    'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'x-amz-date': '20130524T000000Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,' +
      'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,' +
      'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  })
})

test('signs an S3 PUT with a body and a mark in its key as the S3 reference does', () => {
  const signature = signatureOf({
    ...s3,
    method: 'PUT',
    path: '/test$file.text',
    headers: {
      date: 'Fri, 24 May 2013 00:00:00 GMT',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
    },
    body: 'Welcome to Amazon S3.',
  })
  expect(signature).toBe('98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd')
})

test('signs an S3 listing with its query as the S3 reference does', () => {
  const query = { prefix: 'J', 'max-keys': '2' }
  expect(signatureOf({ ...s3, method: 'GET', query })).toBe(
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  )
})

test.each([
  ['GET', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['POST', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
])('signs a plain %s of another service as the test suite does', (method, signature) => {
  expect(signatureOf({ ...suite, method })).toBe(signature)
})

test('sends and signs the session token of temporary credentials', () => {
  const credentials = { ...suite.credentials, sessionToken: 'a token' }
  const headers = signRequest({ ...suite, method: 'POST', credentials })
  expect(headers['x-amz-security-token']).toBe('a token')
  expect(headers.authorization).toContain('SignedHeaders=host;x-amz-date;x-amz-security-token,')
})
