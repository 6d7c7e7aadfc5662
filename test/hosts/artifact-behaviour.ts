import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readModels } from '#shared/catalog/read-models.ts'
import { useHost } from './client.ts'
import type { StartHost } from './running-host.ts'

const iris = { inputs: [[5.1, 3.5, 1.4, 0.2]] }
const path = '/v1/models/iris/predict'
const [entry] = readModels('models', { only: 'iris' })
const key = entry?.manifest.artifact.key ?? ''
const whole = readFileSync(join('models/iris', entry?.manifest.artifact.file ?? ''))
const flipped = Uint8Array.from(whole, (byte, at) => (at === 1_000 ? byte ^ 1 : byte))

export function artifactBehaviour(start: StartHost): void {
  describe.each([
    ['corrupted', flipped, 'artifact_digest_mismatch', false],
    ['truncated', whole.subarray(0, 3_000), 'artifact_truncated', true],
    ['longer', Buffer.concat([whole, whole]), 'artifact_truncated', true],
  ])('a model file that is %s', (_what, bytes, code, retryable) => {
    const client = useHost(start)

    it('is refused with the name of the model and the cause, and serves once it is mended', async () => {
      await client.host.artifacts.publish(key, bytes)
      const refused = await client.post(path, iris)
      expect([refused.status, refused.json]).toMatchObject([
        502,
        { code, model: 'iris@1', retryable },
      ])
      const ready = await client.get('/v2/models/iris/ready')
      expect([ready.status, ready.json]).toMatchObject([
        503,
        { error: expect.stringContaining(code) },
      ])
      await client.host.artifacts.publish(key, whole)
      expect((await client.post(path, iris)).status).toBe(200)
      expect((await client.get('/v2/models/iris/ready')).status).toBe(200)
    })
  })

  describe('a model file that is missing', () => {
    const client = useHost(start, { unpublished: 'iris' })

    it('is refused with the name of the model and the cause, and serves once it is there', async () => {
      const refused = await client.post(path, iris)
      expect([refused.status, refused.json]).toMatchObject([
        502,
        { code: 'artifact_not_found', model: 'iris@1', detail: expect.stringContaining(key) },
      ])
      await client.host.artifacts.publish(key, whole)
      // What another process publishes is seen when a refusal is no longer remembered.
      await expect
        .poll(async () => (await client.post(path, iris)).status, { timeout: 10_000 })
        .toBe(200)
    })
  })
}
