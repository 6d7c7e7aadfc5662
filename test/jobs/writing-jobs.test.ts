import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { writeModels } from '#test/generation/writing-model.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { readEvents } from '#test/support/read-events.ts'

/** The host and a real ONNX model that writes nonsense. */
const home = mkdtempSync(join(tmpdir(), 'percall-writing-jobs-'))
let service: LocalService
let authorization: string
beforeAll(async () => {
  service = await startLocalService({ PERCALL_MODELS: writeModels(home) })
  const { keyStore, pepper } = service.services
  const manager = createKeyManager({ keyStore, pepper, tenant: 'default' })
  const made = await manager.create({ name: 'writer', mode: 'live', scopes: ['predict'] })
  authorization = `Bearer ${made.key}`
})
afterAll(async () => {
  await service.stop()
  rmSync(home, { recursive: true })
})

const messages = [{ role: 'user', content: 'Say something.' }]
const chat = { model: 'writer', messages, seed: 7, max_completion_tokens: 24 }
interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string } }[]
  readonly usage: object
}
const spent = async () => (await service.services.ledger.account('default'))?.spent ?? 0n

/** Puts it off, and waits for the answer. */
async function later(body: object) {
  const path = '/v1/chat/completions'
  const accepted = await service.post(path, body, { authorization, prefer: 'respond-async' })
  expect(accepted.status).toBe(202)
  const place = accepted.headers.get('location') ?? ''
  const ask = (path: string) => service.request(path, { headers: { authorization } })
  await vi.waitFor(
    async () => expect(await (await ask(place)).json()).toMatchObject({ state: 'succeeded' }),
    { timeout: 60_000, interval: 100 },
  )
  return ask(`${place}/result`)
}

test('a chat can be put off: its text and its price are those of an answer at once', async () => {
  const before = await spent()
  const now = await service.post('/v1/chat/completions', chat, { authorization })
  const price = (await spent()) - before
  const { choices, usage } = (await now.json()) as Answer
  const answer = await later(chat)
  expect(await answer.json()).toMatchObject({ object: 'chat.completion', choices, usage })
  expect([price > 0n, (await spent()) - before]).toEqual([true, 2n * price])
}, 150_000)

test.each([
  ['a chat', '/v1/chat/completions', { ...chat, max_completion_tokens: 100_000 }],
  ['a text', '/v1/completions', { model: 'writer', prompt: 'word '.repeat(10_000) }],
  ['a plain call', '/v1/models/writer/predict', { inputs: 'word '.repeat(10_000) }],
])('%s that can never fit is refused when it is put off, as at once', async (_, path, body) => {
  const tell = async (headers: object) => {
    const answer = await service.post(path, body, { authorization, ...headers })
    const { error, ...told } = (await answer.json()) as Record<string, unknown>
    const { request_id: __, ...rest } = told
    return [answer.status, error, rest]
  }
  const now = await tell({})
  expect(JSON.stringify(now)).toContain('prompt_too_long')
  expect(await tell({ prefer: 'respond-async' })).toEqual(now)
})

test('a stream that is put off is kept whole, event by event', async () => {
  const before = await spent()
  const answer = await later({ ...chat, stream: true })
  expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/)
  const events = readEvents(await answer.text())
  expect(events.at(-1)?.data).toBe('[DONE]')
  const pieces = events.slice(0, -1).map(({ data }) => JSON.parse(data).choices[0]?.delta?.content)
  const now = await service.post('/v1/chat/completions', chat, { authorization })
  const [choice] = ((await now.json()) as Answer).choices
  expect(pieces.join('')).toBe(choice?.message.content)
  expect((await spent()) - before).toBeGreaterThan(0n)
}, 150_000)
