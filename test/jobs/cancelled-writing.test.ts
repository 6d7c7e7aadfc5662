import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { createJobWorker } from '#shared/endpoints/job-worker.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { type LocalServices, localServices } from '#shared/endpoints/local-services.ts'
import { openGenerator } from '#shared/endpoints/open-generator.ts'
import { createLanguageModels } from '#shared/generation/language-models.ts'
import { createOnnxGenerator } from '#shared/generation/onnx-generator.ts'
import { type AllowedRuns, allowedSession, tinyBytes } from '#test/generation/tiny-model.ts'
import { writeModels } from '#test/generation/writing-model.ts'

let home: string
let services: LocalServices
let key: string
let runs: AllowedRuns

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'percall-cancelled-writing-'))
  runs = { made: 0, allowed: 5 }
  const environment = readEnvironment({
    PERCALL_HOME: home,
    PERCALL_MODELS: writeModels(home),
    PERCALL_LOG: 'silent',
  })
  const languageModels = createLanguageModels((entry) =>
    openGenerator(entry, {
      readArtifact: async () => tinyBytes(),
      threads: 1,
      start: async (options) => createOnnxGenerator(await allowedSession(runs), options),
    }),
  )
  services = { ...(await localServices({ environment, runner: 'inline' })), languageModels }
  const manager = createKeyManager({ ...services, tenant: 'default' })
  const scopes = ['predict', 'account:read', 'account:write']
  key = (await manager.create({ name: 'payer', mode: 'live', scopes })).key
})
afterEach(async () => {
  runs.allowed = Number.POSITIVE_INFINITY
  await services.close()
  rmSync(home, { recursive: true })
})

test.each([
  ['a text', '/v1/completions', {}],
  ['a stream', '/v1/completions', { stream: true }],
  ['a plain call', '/v1/models/writer/predict', undefined],
])(
  '%s that is cancelled while it is written stops being written, and costs nothing',
  async (_, path, more) => {
    const endpoint = localEndpoint(services)
    const ask = async (method: string, path: string, body: object = {}, headers: object = {}) => {
      const answer = await endpoint({
        method,
        path,
        query: {},
        headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
        body: Buffer.from(method === 'GET' ? '' : JSON.stringify(body)),
        sourceIp: '203.0.113.7',
      })
      return JSON.parse(Buffer.from(answer.body).toString())
    }
    const prompt = 'In the beginning'
    const body = more
      ? { model: 'writer', prompt, temperature: 0, max_tokens: 200, ...more }
      : { inputs: prompt, parameters: { max_new_tokens: 200, temperature: 0 } }
    const { id } = await ask('POST', path, body, { prefer: 'respond-async' })
    const { queues } = await services.openJobs()
    const [delivery] = await queues.light.receive({ limit: 1, visibilityMs: 30_000 })
    const work = createJobWorker({ ...services, endpoint })
    const working = work(delivery?.body ?? '', 1)
    await vi.waitFor(() => expect(runs.made).toBe(5), { timeout: 20_000 })

    expect((await services.ledger.account('default'))?.held).toBeGreaterThan(0n)
    expect(await ask('POST', `/v1/jobs/${id}/cancel`)).toMatchObject({ cancel_requested: true })
    expect(await working).toBe('done')
    expect(await ask('GET', `/v1/jobs/${id}`)).toMatchObject({
      state: 'cancelled',
      cost_micros: null,
    })
    // The step under way is the last one.
    runs.allowed = 100
    await sleep(100)
    expect(runs.made).toBeLessThanOrEqual(6)
    const account = await services.ledger.account('default')
    expect([account?.spent, account?.held]).toEqual([0n, 0n])
  },
)
