import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { hangingOnnx } from '#test/batch/scoring/poison-models.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { plainManifest } from '#test/support/test-model.ts'

/** The host of one worker process, and a model that a large number keeps busy for minutes. */
const home = mkdtempSync(join(tmpdir(), 'percall-cancelled-'))
let service: LocalService
let authorization: string
beforeAll(async () => {
  service = await startLocalService({ PERCALL_MODELS: writeHanging(), PERCALL_LOG: 'silent' })
  const manager = createKeyManager({ ...service.services, tenant: 'default' })
  const scopes = ['predict', 'account:read', 'account:write']
  const { key } = await manager.create({ name: 'payer', mode: 'live', scopes })
  authorization = `Bearer ${key}`
})
afterAll(async () => {
  await service.stop()
  rmSync(home, { recursive: true })
})

function writeHanging(): string {
  const models = join(home, 'models')
  const folder = join(models, 'hanging')
  mkdirSync(folder, { recursive: true })
  cpSync('models/price-book.json', join(models, 'price-book.json'))
  const bytes = hangingOnnx()
  const manifest = {
    ...plainManifest,
    name: 'hanging',
    artifact: {
      key: 'hanging/1/model.onnx',
      file: 'model.onnx',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      dtype: 'float32',
    },
    limits: { timeoutMs: 120_000 },
    function: { ...plainManifest.function, timeoutSeconds: 120 },
  }
  const outputs = [
    { label: 'yes', score: 0.75 },
    { label: 'no', score: 0.25 },
  ]
  const expected = { outputs, metric: 'max-absolute-difference', tolerance: 0 }
  const sample = { inputs: [0.25, 0.75, 0, 0] }
  writeFileSync(join(folder, 'model.onnx'), bytes)
  for (const [name, value] of Object.entries({
    manifest,
    sample,
    expected,
    labels: ['no', 'yes'],
  })) {
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(value))
  }
  return models
}

test('a job that is cancelled while it runs ends within a second, frees its worker and costs nothing', async () => {
  const path = '/v1/models/hanging/predict'
  const endless = { inputs: [4e9, 0, 0, 0] }
  const { id } = (await (
    await service.post(path, endless, { authorization, prefer: 'respond-async' })
  ).json()) as { id: string }
  const stateOf = async () =>
    (
      (await (await service.request(`/v1/jobs/${id}`, { headers: { authorization } })).json()) as {
        state: string
      }
    ).state
  const account = () => service.services.ledger.account('default')
  await vi.waitFor(async () => expect((await account())?.held).toBeGreaterThan(0n), {
    timeout: 30_000,
  })
  // It is in the midst of it: the one worker answers nobody else.
  const other = service.post(path, { inputs: [0.5, 0.25, 0, 0] }, { authorization })
  const first = await Promise.race([other, new Promise((resolve) => setTimeout(resolve, 1_000))])
  expect(first).toBeUndefined()

  const cancelled = performance.now()
  await service.post(`/v1/jobs/${id}/cancel`, {}, { authorization })
  await vi.waitFor(async () => expect(await stateOf()).toBe('cancelled'), {
    timeout: 5_000,
    interval: 20,
  })
  expect(performance.now() - cancelled).toBeLessThan(1_000)
  expect((await other).status).toBe(200)
  const { entries } = await service.services.ledger.entries({
    tenant: 'default',
    from: 0,
    to: 9e15,
    limit: 10,
  })
  expect((await account())?.held).toBe(0n)
  expect(entries.filter(({ type }) => type === 'charge')).toHaveLength(1)
}, 60_000)
