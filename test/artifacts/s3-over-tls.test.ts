import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { s3ArtifactStore } from '#shared/artifacts/s3-artifact-store.ts'
import { type RealS3Server, startRealS3Server } from '#test/servers/real-s3-server.ts'
import { selfSignedCertificate } from '#test/servers/self-signed-certificate.ts'
import { refOf, someBytes } from './artifact-store-contract.ts'

const identity = selfSignedCertificate()
let server: RealS3Server
beforeAll(async () => {
  server = await startRealS3Server({ tls: identity })
}, 180_000)
afterAll(() => server?.stop())

const store = () => {
  const { accessKeyId, secretAccessKey } = server
  const credentials = { accessKeyId, secretAccessKey }
  return s3ArtifactStore({ ...server, credentials, retryDelayMs: [1, 2] })
}
const bytes = someBytes(5 * 1024 * 1024 + 17)
const ref = refOf('over-tls.onnx', bytes, true)

test('trusts no server whose certificate nobody vouches for', async () => {
  await expect(store().fetch(ref)).rejects.toMatchObject({
    code: 'artifact_unavailable',
    cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  })
})

test('hands out the very bytes that were published, over TLS', async () => {
  setDefaultCACertificates([...getCACertificates(), identity.certificate])
  await store().publish(ref.key, bytes)
  expect(Buffer.compare(await store().fetch(ref), bytes)).toBe(0)
})
