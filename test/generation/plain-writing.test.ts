import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { plainModel } from '#shared/endpoints/predict-text.ts'
import { checkGoldenSample } from '#shared/inference/golden-sample.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { refusal } from '#test/support/refusal.ts'
import { writeModels } from './writing-model.ts'

/** A model that writes, asked as any other: `{"inputs": "In the beginning"}`. */
const home = mkdtempSync(join(tmpdir(), 'percall-plain-writer-'))
let service: LocalService
let headers: Record<string, string>
beforeAll(async () => {
  service = await startLocalService({ PERCALL_MODELS: writeModels(home) })
  // The development key's calls are free.
  const { keyStore, pepper } = service.services
  const keys = createKeyManager({ keyStore, pepper, tenant: 'default' })
  const { key } = await keys.create({ name: 'writer', mode: 'live', scopes: ['predict'] })
  headers = { authorization: `Bearer ${key}` }
})
afterAll(async () => {
  await service.stop()
  rmSync(home, { recursive: true })
})

const predict = async (body: object) => {
  const answer = await service.post('/v1/models/writer/predict', body, headers)
  return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
}
const parameters = { max_new_tokens: 12, temperature: 0 }
const spent = async () => (await service.services.ledger.account('default'))?.spent ?? 0n

test('answers a plain call with the text that plain completions give', async () => {
  const { status, json } = await predict({ inputs: 'In the beginning', parameters })
  expect(status).toBe(200)
  const asked = { model: 'writer', prompt: 'In the beginning', max_tokens: 12, temperature: 0 }
  const answer = await service.post('/v1/completions', asked)
  const { choices } = (await answer.json()) as { choices: { text: string }[] }
  expect(json).toMatchObject({
    model: 'writer',
    version: '1',
    outputs: { generated_text: choices[0]?.text, finish_reason: 'length' },
    timings: { run_ms: expect.any(Number) },
  })
})

test('charges a plain call for the tokens that were written', async () => {
  const priceOf = async (tokens: number) => {
    const before = await spent()
    await predict({ inputs: 'x', parameters: { ...parameters, max_new_tokens: tokens } })
    return (await spent()) - before
  }
  const [two, twelve] = [await priceOf(2), await priceOf(12)]
  expect(two).toBeGreaterThan(0n)
  expect(twelve).toBeGreaterThan(two)
})

test.each([
  ['a list of texts', { inputs: ['a', 'b'] }, 'input_invalid', 'one text'],
  ['a number', { inputs: 1 }, 'input_invalid', 'one text'],
  ['an unknown parameter', { inputs: 'a', parameters: { top_k: 3 } }, 'parameter_invalid', 'top_p'],
  [
    'a temperature that is none',
    { inputs: 'a', parameters: { temperature: 'hot' } },
    'parameter_invalid',
    '"temperature"',
  ],
  ['a prompt longer than the context', { inputs: 'x '.repeat(999) }, 'prompt_too_long', '256'],
])('refuses %s, and says why', async (_, body, code, words) => {
  const { status, json } = await predict(body)
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
  expect(json).toMatchObject({ code, detail: expect.stringContaining(words) })
})

test('is ready once its golden sample has passed, and never with another answer', async () => {
  expect((await service.request('/v2/models/writer/ready')).status).toBe(200)
  const { catalog, languageModels } = service.services
  const entry = catalog.find('writer')
  const outputs = { generated_text: 'something else', finish_reason: 'length' }
  const other = { ...entry, expected: { ...entry.expected, outputs } }
  await expect(checkGoldenSample(plainModel(languageModels, other))).rejects.toEqual(
    refusal('model_not_ready', 'golden sample'),
  )
})

test('has a card with a call that works, and metadata for tensor clients', async () => {
  const card = (await (await service.request('/v1/models/writer')).json()) as { sample: object }
  expect((await predict(card.sample)).status).toBe(200)
  const metadata = await service.request('/v2/models/writer')
  expect(await metadata.json()).toMatchObject({ name: 'writer', versions: ['1'] })
})
