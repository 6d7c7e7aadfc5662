import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageFunction } from '#functions/packaging/package-function.ts'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { writeModels } from '#test/generation/writing-model.ts'
import { type LocalAws, startLocalAws } from '#test/servers/local-aws.ts'
import { type FunctionUrl, startFunctionUrl } from './function-url.ts'
import { createLambdaFunction, type LambdaFunction } from './lambda-function.ts'

/** The function of the language model, with the tiny one in its place: its file comes from S3. */
describe('the packaged function of a model that writes', () => {
  const home = mkdtempSync(join(tmpdir(), 'percall-lambda-writer-'))
  let aws: LocalAws
  let writer: LambdaFunction
  let door: FunctionUrl
  let ledger: Ledger
  let client: OpenAI

  beforeAll(async () => {
    aws = await startLocalAws()
    const deployed = await aws.deploy()
    ledger = deployed.ledger
    const modelsFolder = writeModels(home, 'smollm2')
    for (const { manifest, folder } of readModels(modelsFolder)) {
      const { artifact } = manifest
      await publishArtifact(deployed.artifacts, artifact, { folder, file: artifact.file ?? '' })
    }
    const name = 'smollm2'
    const handlerFile = join(process.cwd(), 'functions/smollm2/handler.ts')
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64'
    const { zip } = await packageFunction(
      { name, handlerFile, model: name },
      { modelsFolder, architecture },
    )
    const { environment } = deployed
    writer = createLambdaFunction({ name, zip, environment, memoryMB: 1_024, timeoutMs: 30_000 })
    door = await startFunctionUrl(writer)
    const { key } = await createKeyManager(deployed).create({
      name: 'writer',
      mode: 'live',
      scopes: ['predict', 'models:read'],
    })
    client = new OpenAI({ apiKey: key, baseURL: `${door.url}/v1`, maxRetries: 0, timeout: 60_000 })
  })
  afterAll(async () => {
    await door?.stop()
    await writer?.stop()
    await aws?.stop()
    rmSync(home, { recursive: true })
  })

  const messages = [{ role: 'user' as const, content: 'Say something.' }]
  const asked = { model: 'smollm2', messages, seed: 7, max_completion_tokens: 24 }
  const spent = async () => (await ledger.account('default'))?.spent ?? 0n

  it('streams to the official client, and is paid by the token', async () => {
    const before = await spent()
    const stream_options = { include_usage: true }
    const stream = await client.chat.completions.create({ ...asked, stream: true, stream_options })
    const chunks = await Array.fromAsync(stream)
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(chunks.length).toBeGreaterThan(5)
    expect(chunks.at(-1)?.usage?.completion_tokens).toBe(24)
    const streamed = (await spent()) - before
    expect(streamed).toBeGreaterThan(0n)
    const whole = await client.chat.completions.create(asked)
    expect(whole.choices[0]?.message.content).toBe(text)
    expect((await spent()) - before).toBe(2n * streamed)
  })

  it('lists itself, gives its card and says that it is ready', async () => {
    const ids = (await Array.fromAsync(client.models.list())).map(({ id }) => id)
    expect(ids).toEqual(['smollm2'])
    expect(await client.models.retrieve('smollm2')).toMatchObject({ task: 'text-generation' })
    const headers = { authorization: `Bearer ${client.apiKey}` }
    const ready = await fetch(`${door.url}/v2/models/smollm2/ready`, { headers })
    expect(await ready.json()).toEqual({ name: 'smollm2', ready: true })
  })

  it('answers plain completions, plain calls and refusals whole', async () => {
    const completion = { model: 'smollm2', prompt: 'In the beginning', temperature: 0 }
    const { choices } = await client.completions.create({ ...completion, max_tokens: 5 })
    const plain = await fetch(`${door.url}/v1/models/smollm2/predict`, {
      method: 'POST',
      headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        inputs: completion.prompt,
        parameters: { max_new_tokens: 5, temperature: 0 },
      }),
    })
    expect(await plain.json()).toMatchObject({
      outputs: { generated_text: choices[0]?.text, finish_reason: 'length' },
    })
    await expect(
      client.completions.create({ ...completion, prompt: 'x '.repeat(999) }),
    ).rejects.toMatchObject({ status: 400, code: 'prompt_too_long' })
    const stranger = new OpenAI({ apiKey: 'pc_nobody', baseURL: client.baseURL, maxRetries: 0 })
    await expect(stranger.completions.create(completion)).rejects.toMatchObject({ status: 401 })
  })
})
