import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createModelShelf, type ModelShelf } from '#shared/endpoints/model-shelf.ts'
import { createOnnxGenerator } from '#shared/generation/onnx-generator.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import { allowedSession } from '#test/generation/tiny-model.ts'
import { writeModels } from '#test/generation/writing-model.ts'
import { type LocalService, startLocalService } from '#test/support/local-service.ts'

/** A model that writes, on a shelf; its session runs as often as it is allowed to. */
const home = mkdtempSync(join(tmpdir(), 'percall-unloaded-'))
const runs = { made: 0, allowed: 0 }
let service: LocalService
let shelf: ModelShelf

beforeAll(async () => {
  service = await startLocalService()
  shelf = createModelShelf({
    services: service.services,
    threads: 1,
    openRunner: (readArtifact) => inlineRunner({ readArtifact, threads: 1 }),
    startGenerator: async (options) => createOnnxGenerator(await allowedSession(runs), options),
  })
})
beforeEach(async () => {
  Object.assign(runs, { made: 0, allowed: 3 })
  await shelf.load('mine', join(writeModels(home), 'writer'))
})
afterAll(async () => {
  runs.allowed = Number.POSITIVE_INFINITY
  await shelf.close()
  await service.stop()
  rmSync(home, { recursive: true })
})

const ask = (): Promise<HttpResponse> =>
  shelf.find('mine').endpoint({
    method: 'POST',
    path: '/v1/completions',
    query: {},
    headers: { 'content-type': 'application/json', 'x-api-key': service.key },
    body: Buffer.from(
      JSON.stringify({
        model: 'writer',
        prompt: 'In the beginning',
        temperature: 0,
        max_tokens: 20,
        stream: true,
      }),
    ),
    sourceIp: '127.0.0.1',
  })
const isOver = (unloading: Promise<void>) =>
  Promise.race([unloading.then(() => true), sleep(100).then(() => false)])

test('a stream comes to its end though its model is unloaded meanwhile', async () => {
  const { stream = [] } = await ask()
  const unloading = shelf.unload('mine')
  expect(() => shelf.find('mine')).toThrow(expect.objectContaining({ code: 'model_not_found' }))
  expect(await isOver(unloading)).toBe(false)
  runs.allowed = Number.POSITIVE_INFINITY
  const pieces = await Array.fromAsync(stream, (piece) => Buffer.from(piece).toString())
  expect(pieces.join('')).toMatch(/"finish_reason":"(length|stop)".*data: \[DONE\]/s)
  await unloading
})

test('a stream whose reader goes away lets its model go', async () => {
  const { stream } = await ask()
  const reader = stream?.[Symbol.asyncIterator]()
  expect((await reader?.next())?.done).toBe(false)
  const unloading = shelf.unload('mine')
  expect(await isOver(unloading)).toBe(false)
  await reader?.return?.()
  // The step under way is the last one.
  runs.allowed = Number.POSITIVE_INFINITY
  await unloading
  expect(runs.made).toBeLessThan(6)
})
