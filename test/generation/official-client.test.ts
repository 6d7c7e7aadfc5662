import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'
import { writeModels } from './writing-model.ts'

/** The official client, unchanged, against the host and a real ONNX model that writes nonsense. */
const home = mkdtempSync(join(tmpdir(), 'percall-writer-'))
let service: LocalService
let client: OpenAI
beforeAll(async () => {
  service = await startLocalService({ PERCALL_MODELS: writeModels(home) })
  // The development key's calls are free.
  const { keyStore, pepper } = service.services
  const { key } = await createKeyManager({ keyStore, pepper, tenant: 'default' }).create({
    name: 'writer',
    mode: 'live',
    scopes: ['predict', 'models:read'],
  })
  client = new OpenAI({ apiKey: key, baseURL: `${service.url}/v1`, maxRetries: 0 })
})
afterAll(async () => {
  await service.stop()
  rmSync(home, { recursive: true })
})

const messages = [{ role: 'user' as const, content: 'Say something.' }]
const chat = { model: 'writer', messages, seed: 7, max_completion_tokens: 24 }
const spent = async () => (await service.services.ledger.account('default'))?.spent ?? 0n

describe('chat completions', () => {
  test('are answered whole, with what they took', async () => {
    const answer = await client.chat.completions.create(chat)
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      model: 'writer@1',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: expect.any(String), refusal: null },
          finish_reason: 'length',
          logprobs: null,
        },
      ],
      usage: { completion_tokens: 24 },
    })
    const { prompt_tokens = 0, total_tokens } = answer.usage ?? {}
    expect(total_tokens).toBe(prompt_tokens + 24)
  })

  test('stream the same text in pieces, under one id', async () => {
    const whole = await client.chat.completions.create(chat)
    const chunks: OpenAI.ChatCompletionChunk[] = []
    const options = { include_usage: true }
    const stream = await client.chat.completions.create({
      ...chat,
      stream: true,
      stream_options: options,
    })
    for await (const chunk of stream) chunks.push(chunk)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(text).toBe(whole.choices[0]?.message.content)
    expect(chunks.length).toBeGreaterThan(5)
    const reasons = chunks.flatMap(({ choices }) => choices.map((one) => one.finish_reason))
    expect(reasons.at(-1)).toBe('length')
    expect(reasons.slice(0, -1).every((reason) => reason === null)).toBe(true)
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
  })

  test("go through the client's own helper, too", async () => {
    const deltas: string[] = []
    const runner = client.chat.completions.stream(chat).on('content', (delta) => deltas.push(delta))
    const final = await runner.finalChatCompletion()
    expect(final.choices[0]?.message.content).toBe(deltas.join(''))
  })

  test('take parts of text, the developer role and the message of an earlier answer', async () => {
    const first = await client.chat.completions.create(chat)
    const earlier = first.choices[0]?.message
    if (!earlier) throw new Error('no answer')
    const { usage } = await client.chat.completions.create({
      ...chat,
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Say ' },
            { type: 'text', text: 'it.' },
          ],
        },
        earlier,
        ...messages,
      ],
      max_completion_tokens: 2,
    })
    expect(usage?.completion_tokens).toBe(2)
  })
})

describe('plain completions', () => {
  const asked = { model: 'writer@stable', prompt: 'In the beginning', temperature: 0 }

  test('are answered whole, with 16 tokens where nothing else is asked', async () => {
    const answer = await client.completions.create(asked)
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^cmpl-/),
      object: 'text_completion',
      choices: [{ index: 0, text: expect.any(String), finish_reason: 'length', logprobs: null }],
      usage: { completion_tokens: 16 },
    })
  })

  test('stream the same text', async () => {
    const whole = await client.completions.create(asked)
    const stream = await client.completions.create({ ...asked, stream: true })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? ''
    expect(text).toBe(whole.choices[0]?.text)
  })

  test('end before a stop sequence', async () => {
    const { choices } = await client.completions.create({ ...asked, max_tokens: 60 })
    const text = choices[0]?.text ?? ''
    const stop = text.slice(text.length >> 1, (text.length >> 1) + 4)
    const cut = await client.completions.create({ ...asked, max_tokens: 60, stop: [stop, 'zzzz'] })
    expect(cut.choices[0]).toMatchObject({
      text: text.slice(0, text.indexOf(stop)),
      finish_reason: 'stop',
    })
  })
})

describe('what it costs', () => {
  test('is charged by the tokens that were read and written, streamed or not', async () => {
    for (const stream of [false, true]) {
      const before = await spent()
      const asked = { ...chat, messages, max_completion_tokens: 50, stream } as const
      const response = await client.chat.completions.create(asked).asResponse()
      await response.text()
      const { usage } = await client.chat.completions.create({ ...chat, max_completion_tokens: 1 })
      const input = BigInt(usage?.prompt_tokens ?? 0)
      const cost = (output: bigint) => (input * 40_000n + output * 160_000n + 999_999n) / 1_000_000n
      expect((await spent()) - before).toBe(cost(50n) + cost(1n))
    }
  })

  test('is charged once where a stream is asked for again with its key, and the bytes are the same', async () => {
    const asked = { model: 'writer', messages, max_completion_tokens: 24, stream: true } as const
    const options = { headers: { 'idempotency-key': 'stream-1' } }
    const first = await (await client.chat.completions.create(asked, options).asResponse()).text()
    const before = await spent()
    const again = await client.chat.completions.create(asked, options).asResponse()
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect(again.headers.get('content-type')).toMatch(/^text\/event-stream/)
    expect(await again.text()).toBe(first)
    expect(first.endsWith('data: [DONE]\n\n')).toBe(true)
    expect(await spent()).toBe(before)
  })
})

describe('refuses', () => {
  test.each([
    ['several answers', { n: 2 }, 'n'],
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }, 'tools'],
    ['a form of answer', { response_format: { type: 'json_object' } }, 'response_format'],
    ['probabilities', { logprobs: true }, 'logprobs'],
    ['a penalty', { presence_penalty: 1 }, 'presence_penalty'],
    ['what it does not know', { top_k: 5 }, 'top_k'],
    ['too much heat', { temperature: 3 }, 'temperature'],
    ['five stop sequences', { stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [
      'a picture',
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      'messages[0].content',
    ],
    ['no messages', { messages: [] }, 'messages'],
    ['a model that is none', { model: 'nobody' }, null, 404, 'model_not_found'],
    ['a version that is none', { model: 'writer@9' }, null, 404, 'version_not_found'],
    ['more than the context holds', { max_completion_tokens: 256 }, null, 400, 'prompt_too_long'],
    [
      'a prompt that is longer than the context',
      { messages: [{ role: 'user', content: 'x'.repeat(5_000) }] },
      null,
      400,
      'prompt_too_long',
    ],
  ])('%s, naming it', async (_, change, param, status = 400, code = 'parameter_invalid') => {
    const before = await spent()
    const asked = client.chat.completions.create({ ...chat, ...change } as never)
    await expect(asked).rejects.toMatchObject({ status, code, param })
    expect(await spent()).toBe(before)
  })

  test('a made-up name that is no name, without repeating it', async () => {
    const asked = client.chat.completions.create({ ...chat, '<script>': 1 } as never)
    await expect(asked).rejects.toMatchObject({
      param: null,
      message: expect.not.stringContaining('<'),
    })
  })

  test('a model that the key may not call, and a key that may call none', async () => {
    const { keyStore, pepper } = service.services
    const manager = createKeyManager({ keyStore, pepper, tenant: 'default' })
    const ask = async (scopes: string[], models?: string[]) => {
      const { key } = await manager.create({
        name: 'x',
        mode: 'live',
        scopes,
        ...(models && { models }),
      })
      return new OpenAI({
        apiKey: key,
        baseURL: client.baseURL,
        maxRetries: 0,
      }).chat.completions.create(chat)
    }
    await expect(ask(['predict'], ['iris'])).rejects.toMatchObject({
      status: 403,
      code: 'model_not_allowed',
      type: 'permission_error',
    })
    await expect(ask(['models:read'])).rejects.toMatchObject({ status: 403, code: 'scope_missing' })
  })

  test.each([
    ['no JSON', '{', 'application/json', 400, 'json_invalid'],
    ['a list', '[]', 'application/json', 400, 'parameter_invalid'],
    ['another type', '{}', 'text/plain', 415, 'unsupported_media_type'],
  ])('a body that is %s', async (_, body, type, status, code) => {
    const headers = { 'content-type': type }
    const refused = await service.request('/v1/chat/completions', { method: 'POST', body, headers })
    expect(refused.status).toBe(status)
    expect(await refused.json()).toMatchObject({ error: { code, message: expect.any(String) } })
  })

  test('an estimate of what is not written yet, files of records and tensors', async () => {
    const call = { inputs: 'x' }
    for (const path of ['/v1/estimate?model=writer', '/v1/batch-jobs']) {
      const order = path.includes('batch') ? { model: 'writer', input_file_id: 'file-1' } : call
      const refused = await service.post(path, order)
      const { code, fix } = (await refused.json()) as Record<string, string>
      expect({ status: refused.status, code }).toEqual({ status: 422, code: 'input_invalid' })
      expect(fix).toContain('/v1/chat/completions')
    }
    const tensors = await service.post('/v2/models/writer/infer', { inputs: [] })
    expect(tensors.status).toBe(400)
    expect(await tensors.json()).toMatchObject({ error: expect.stringContaining('writes text') })
  })
})

test('takes what asks for nothing: the defaults that clients send along', async () => {
  const neutral = {
    n: 1,
    logprobs: false,
    presence_penalty: 0,
    frequency_penalty: 0,
    logit_bias: {},
    tools: [],
    response_format: { type: 'text' as const },
    service_tier: 'auto' as const,
    store: null,
    user: 'me',
    metadata: { purpose: 'test' },
  }
  const { choices } = await client.chat.completions.create({ ...chat, ...neutral })
  expect(choices).toHaveLength(1)
})

test('is found where KServe serves the API, too', async () => {
  const mounted = client.withOptions({ baseURL: `${service.url}/openai/v1` })
  const { choices } = await mounted.chat.completions.create(chat)
  expect(choices).toHaveLength(1)
  expect((await Array.fromAsync(mounted.models.list())).map(({ id }) => id)).toContain('writer')
})

test('lists the model among the others', async () => {
  const ids = []
  for await (const { id } of client.models.list()) ids.push(id)
  expect(ids).toContain('writer')
  expect(await client.models.retrieve('writer')).toMatchObject({ id: 'writer', object: 'model' })
})
