import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { childrenOf } from '#test/bench/harness/process-use.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { countingSource } from './counting-model.ts'
import { writeModels } from './writing-model.ts'

/** A host as it comes, with a language model whose run never ends after a certain number. */
const home = mkdtempSync(join(tmpdir(), 'percall-runaway-'))
const timeoutMs = 3_000
let service: LocalService
let client: OpenAI

async function writeCountingModels(): Promise<string> {
  const models = writeModels(home)
  const folder = join(models, 'writer')
  const bytes = await countingSource().readBytes()
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  manifest.artifact.sha256 = createHash('sha256').update(bytes).digest('hex')
  manifest.artifact.bytes = bytes.length
  manifest.limits.timeoutMs = timeoutMs
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest))
  writeFileSync(join(folder, 'model.onnx'), bytes)
  return models
}
beforeAll(async () => {
  service = await startLocalService({ PERCALL_MODELS: await writeCountingModels() })
  const { keyStore, pepper } = service.services
  const manager = createKeyManager({ keyStore, pepper, tenant: 'default' })
  const { key } = await manager.create({ name: 'writer', mode: 'live', scopes: ['predict'] })
  client = new OpenAI({ apiKey: key, baseURL: `${service.url}/v1`, maxRetries: 0 })
})
afterAll(async () => {
  await service.stop()
  rmSync(home, { recursive: true })
})

const account = async () => {
  const found = await service.services.ledger.account('default')
  return { spent: found?.spent, held: found?.held }
}
/** Tokens: `z` 106, `The` up to 255; what is read beyond 200 hangs. */
const write = (prompt: string, max_tokens: number) =>
  client.completions.create({ model: 'writer', prompt, max_tokens, temperature: 0 })
const processes = () => childrenOf(process.pid)

test('a run that never ends costs its caller his time and nothing else, and the next is served', async () => {
  const { choices, usage } = await write('z', 3)
  expect(usage).toMatchObject({ prompt_tokens: 1, completion_tokens: 3 })
  const text = choices[0]?.text
  const before = await account()
  const [hanging] = processes()

  const start = performance.now()
  await expect(write('The', 9)).rejects.toMatchObject({ status: 504, code: 'deadline_exceeded' })
  expect(performance.now() - start).toBeLessThan(timeoutMs + 1_000)
  // The process is still inside its run; this one waits for another.
  expect((await write('z', 3)).choices[0]?.text).toBe(text)
  expect(processes()).not.toContain(hanging)
  const { spent = 0n, held } = await account()
  expect({ spent: spent - (before.spent ?? 0n), held }).toEqual({
    spent: before.spent,
    held: 0n,
  })
})

test('a stream whose run never ends says so where it stands, and the next is written', async () => {
  await write('z', 1)
  const asked = { model: 'writer', temperature: 0, stream: true } as const
  const stream = await client.completions.create({ ...asked, prompt: 'z', max_tokens: 120 })
  let pieces = 0
  const reading = (async () => {
    for await (const _ of stream) pieces += 1
  })()
  await expect(reading).rejects.toMatchObject({ error: { code: 'deadline_exceeded' } })
  // 107 to 201, and some of them are halves of characters.
  expect(pieces).toBeGreaterThan(10)
  await vi.waitUntil(async () => (await account()).held === 0n)
  expect((await write('z', 3)).usage?.completion_tokens).toBe(3)
})

test('the event loop turns while a run never ends', async () => {
  let code: string | undefined
  const hanging = write('The', 9).catch((thrown: { code: string }) => {
    code = thrown.code
  })
  const waits: number[] = []
  while (code === undefined) {
    const start = performance.now()
    expect((await service.request('/v1/models')).status).toBe(200)
    waits.push(performance.now() - start)
  }
  await hanging
  expect(code).toBe('deadline_exceeded')
  expect(waits.length).toBeGreaterThan(3)
  expect(Math.max(...waits)).toBeLessThan(500)
})
