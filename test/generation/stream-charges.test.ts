import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { type NodeHost, startNodeHost } from '#shared/endpoints/node-host.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { createPatientModel, type PatientModel } from './patient-model.ts'
import { writeModels } from './writing-model.ts'

/** What a stream costs, however it ends. The model writes when it is told to. */
const text = 'abcdefghijklmnopqrstuvwxyz'
let home: string
let service: LocalService
let model: PatientModel
let host: NodeHost
let key: string
let client: OpenAI
let isStoreDown: boolean

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'percall-stream-'))
  service = await startLocalService({ PERCALL_MODELS: writeModels(home) })
  model = createPatientModel(text)
  const { services } = service
  const { keyStore, pepper } = services
  const manager = createKeyManager({ keyStore, pepper, tenant: 'default' })
  key = (await manager.create({ name: 'writer', mode: 'live', scopes: ['predict'] })).key
  isStoreDown = false
  const meter: typeof services.meter = {
    quote: services.meter.quote,
    async begin(call) {
      const begun = await services.meter.begin(call)
      if (begun.kind === 'answered') return begun
      return {
        ...begun,
        settle: (...sold) =>
          isStoreDown
            ? Promise.reject(new ServiceError('store_unavailable'))
            : begun.settle(...sold),
      }
    },
  }
  host = await startNodeHost({
    endpoint: localEndpoint({
      ...services,
      meter,
      languageModels: { find: async () => model, close: async () => undefined },
    }),
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: 100_000,
  })
  client = new OpenAI({ apiKey: key, baseURL: `${host.url}/v1`, maxRetries: 0 })
})
afterEach(async () => {
  await host.close()
  await service.stop()
  rmSync(home, { recursive: true })
})

const account = async () => {
  const found = await service.services.ledger.account('default')
  if (!found) throw new Error('no account')
  return { spent: found.spent, held: found.held }
}
const ends = async (): ReturnType<Ledger['entries']> =>
  service.services.ledger.entries({ tenant: 'default', limit: 10 })
/** Rounded up to a whole micro, as the price book's `per-token` has it. */
const costOf = (input: number, output: number) =>
  BigInt(Math.ceil((input * 40_000 + output * 160_000) / 1_000_000))

const asked = { model: 'writer', prompt: 'p'.repeat(50), max_tokens: 200 }

async function until(isDone: () => Promise<boolean>): Promise<void> {
  for (let at = 0; at < 400 && !(await isDone()); at += 1) await sleep(5)
  expect(await isDone()).toBe(true)
}

test('pieces arrive as they are written', async () => {
  model.write(3)
  const stream = await client.completions.create({ ...asked, stream: true })
  const pieces = stream[Symbol.asyncIterator]()
  const next = async () => (await pieces.next()).value?.choices[0]?.text
  expect([await next(), await next(), await next()]).toEqual(['a', 'b', 'c'])
  model.write(1)
  expect(await next()).toBe('d')
  model.write(100)
  let rest = ''
  for await (const chunk of { [Symbol.asyncIterator]: () => pieces }) {
    rest += chunk.choices[0]?.text ?? ''
  }
  expect(rest).toBe(text.slice(4))
  expect(await account()).toEqual({ spent: costOf(50, 26), held: 0n })
})

test('a reader who goes away ends the model within 100 ms and pays for what he was sent', async () => {
  const stream = await (async () => {
    model.write(8)
    return client.completions.create(
      { ...asked, stream: true },
      { headers: { 'idempotency-key': 'left' } },
    )
  })()
  let read = 0
  let leftAt = 0
  for await (const _ of stream) {
    read += 1
    if (read < 8) continue
    leftAt = performance.now()
    break
  }
  expect((await model.left) - leftAt).toBeLessThan(100)
  model.write(10)
  expect(model.made()).toBe(8)
  await until(async () => (await account()).held === 0n)
  expect((await account()).spent).toBe(costOf(50, 8))
  const { entries } = await ends()
  expect(entries).toMatchObject([{ type: 'charge', units: { inputTokens: 50, outputTokens: 8 } }])

  // Asked for again with its key it is what was sent, and nothing more.
  const again = await client.completions
    .create({ ...asked, stream: true }, { headers: { 'idempotency-key': 'left' } })
    .asResponse()
  const stored = await again.text()
  expect(stored.match(/"text":"(.)"/g)).toHaveLength(8)
  expect(stored).not.toContain('[DONE]')
  expect((await account()).spent).toBe(costOf(50, 8))
})

test('a caller who goes away before the first token pays nothing, and the model stops', async () => {
  const gone = new AbortController()
  const asking = client.completions.create({ ...asked, stream: true }, { signal: gone.signal })
  await model.asked
  gone.abort()
  await expect(asking).rejects.toThrow()
  const at = performance.now()
  expect((await model.left) - at).toBeLessThan(100)
  await until(async () => (await account()).held === 0n)
  expect((await account()).spent).toBe(0n)
  expect((await ends()).entries).toMatchObject([{ type: 'void' }])
})

test('a model that fails before the first token answers with a status, and is free', async () => {
  const asking = client.completions.create({ ...asked, stream: true })
  await model.asked
  model.fail(new ServiceError('inference_failed'))
  await expect(asking).rejects.toMatchObject({ status: 500, code: 'inference_failed' })
  expect(await account()).toEqual({ spent: 0n, held: 0n })
})

test('a model that fails in the middle says so in the stream, and is free', async () => {
  model.write(2)
  const stream = await client.completions.create({ ...asked, stream: true })
  const pieces = stream[Symbol.asyncIterator]()
  await pieces.next()
  await pieces.next()
  model.fail(new ServiceError('out_of_memory'))
  await expect(pieces.next()).rejects.toMatchObject({ error: { code: 'out_of_memory' } })
  await until(async () => (await account()).held === 0n)
  expect((await account()).spent).toBe(0n)
})

test('a stream that cannot be charged does not end as a whole one', async () => {
  isStoreDown = true
  model.write(100)
  const stream = await client.completions.create({ ...asked, stream: true })
  let read = ''
  const reading = (async () => {
    for await (const chunk of stream) read += chunk.choices[0]?.text ?? ''
  })()
  await expect(reading).rejects.toMatchObject({ error: { code: 'store_unavailable' } })
  expect(read).toBe(text)
})

test('an answer that is not streamed is charged for what was written, not for the most it could be', async () => {
  model.write(100)
  const { choices, usage } = await client.completions.create(asked)
  expect(choices[0]).toMatchObject({ text, finish_reason: 'stop' })
  expect(usage).toEqual({ prompt_tokens: 50, completion_tokens: 26, total_tokens: 76 })
  expect(await account()).toEqual({ spent: costOf(50, 26), held: 0n })
})

test('while it streams, the most that it can cost is held', async () => {
  model.write(1)
  const stream = await client.completions.create({ ...asked, stream: true })
  await stream[Symbol.asyncIterator]().next()
  expect(await account()).toEqual({ spent: 0n, held: costOf(50, 200) })
  stream.controller.abort()
  await until(async () => (await account()).held === 0n)
})
