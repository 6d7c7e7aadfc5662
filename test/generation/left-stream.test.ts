import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { type NodeHost, startNodeHost } from '#shared/endpoints/node-host.ts'
import { openGenerator } from '#shared/endpoints/open-generator.ts'
import { createLanguageModels } from '#shared/generation/language-models.ts'
import { createOnnxGenerator } from '#shared/generation/onnx-generator.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { allowedSession, tinyBytes } from './tiny-model.ts'
import { writeModels } from './writing-model.ts'

/** The real generator over the tiny model; its session runs as often as it is allowed to. */
const home = mkdtempSync(join(tmpdir(), 'percall-left-'))
const runs = { made: 0, allowed: 0 }
let service: LocalService
let host: NodeHost
let key: string

beforeAll(async () => {
  service = await startLocalService({ PERCALL_MODELS: writeModels(home) })
  const { services } = service
  const keys = createKeyManager({ ...services, tenant: 'default' })
  key = (await keys.create({ name: 'writer', mode: 'live', scopes: ['predict'] })).key
  const languageModels = createLanguageModels((entry) =>
    openGenerator(entry, {
      readArtifact: async () => tinyBytes(),
      threads: 1,
      start: async (options) => createOnnxGenerator(await allowedSession(runs), options),
    }),
  )
  const endpoint = localEndpoint({ ...services, languageModels })
  host = await startNodeHost({ endpoint, host: '127.0.0.1', port: 0, bodyLimitBytes: 10_000 })
})
afterAll(async () => {
  runs.allowed = Number.POSITIVE_INFINITY
  await host.close()
  await service.stop()
  rmSync(home, { recursive: true })
})

test('a socket that is cut off in mid-stream ends the runs, and what was sent is charged', async () => {
  const asked = { model: 'writer', prompt: 'In the beginning', temperature: 0, max_tokens: 200 }
  const body = JSON.stringify({ ...asked, stream: true })
  const { hostname, port } = new URL(host.url)
  const socket = connect(Number(port), hostname)
  socket.write(
    [
      'POST /v1/completions HTTP/1.1',
      `Host: ${hostname}`,
      `Authorization: Bearer ${key}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
  runs.allowed = 12
  let answer = ''
  for await (const bytes of socket) {
    answer += bytes
    if (answer.split('"text":"').length > 3) break
  }
  // Leaving the loop has destroyed the socket.
  const { ledger } = service.services
  const entries = () => ledger.entries({ tenant: 'default', limit: 2 })
  await expect.poll(async () => (await entries()).entries.length, { timeout: 10_000 }).toBe(1)

  const made = runs.made
  runs.allowed += 100
  for (let at = 0; at < 50; at += 1) await turn()
  await sleep(20)
  // The run that was under way comes to its end.
  expect(runs.made).toBeLessThanOrEqual(made + 1)
  const [charge] = (await entries()).entries
  expect(charge).toMatchObject({ type: 'charge' })
  const written = charge?.units.outputTokens ?? 0
  expect(written).toBeGreaterThanOrEqual(3)
  expect(written).toBeLessThanOrEqual(12)
})
