import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readEnvironment } from '#shared/config/environment.ts'
import { openLedger } from '#shared/endpoints/open-ledger.ts'
import { greedyOnnx, hangingOnnx, harmlessOnnx } from '#test/batch/scoring/poison-models.ts'
import { plainManifest } from '#test/support/test-model.ts'
import { container as image, startContainer } from './container-process.ts'

const key = 'a-development-key-of-tests'

/** A container of one model, whose file misbehaves by the first number that it is sent. */
async function startWith(file: Uint8Array, options: { readonly scratch?: string } = {}) {
  const container = await startContainer({
    environment: {
      SM_MODEL_DIR: '{scratch}/model',
      PERCALL_DEV_KEY: key,
      // As many as leave each a gigabyte.
      PERCALL_WORKERS: '16',
    },
    ...options,
    async prepare(scratch) {
      const sha256 = createHash('sha256').update(file).digest('hex')
      const artifact = {
        ...{ key: `plain/1/${sha256}.onnx`, file: 'model.onnx', sha256 },
        ...{ bytes: file.length, dtype: 'float32' },
      }
      const scores = [
        { label: 'yes', score: 0.75 },
        { label: 'no', score: 0.25 },
      ]
      const described = {
        'manifest.json': { ...plainManifest, artifact, limits: { timeoutMs: 600_000 } },
        'labels.json': ['no', 'yes'],
        'sample.json': { inputs: [0.25, 0.75, 0, 0] },
        'expected.json': { outputs: scores, metric: 'max-absolute-difference', tolerance: 1e-6 },
      }
      const folder = join(scratch, 'model')
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'model.onnx'), file)
      for (const [name, content] of Object.entries(described)) {
        writeFileSync(join(folder, name), JSON.stringify(content))
      }
    },
  })
  onTestFinished(() => container.remove())
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${key}`, ...init.headers }
    const answer = await fetch(container.url + path, { ...init, headers })
    return { status: answer.status, body: await answer.json() }
  }
  return {
    container,
    ask,
    call: (first: number, headers: Readonly<Record<string, string>> = {}) =>
      ask('/v1/models/plain/predict', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ inputs: [first, 0.125, 0, 0] }),
      }),
  }
}

describe('a container whose model misbehaves', () => {
  it('refuses the call that takes all memory, says so, and answers the next', {
    timeout: 120_000,
  }, async () => {
    const { call, container } = await startWith(greedyOnnx())
    expect((await call(0.5)).status).toBe(200)
    const refused = await call(40)
    expect(refused, container.log()).toMatchObject({ body: { code: 'out_of_memory' } })
    expect(await call(0.5)).toMatchObject({ status: 200, body: { outputs: [{ label: 'no' }, {}] } })
  })
})

/** It takes the half minute that a message of a dead worker is hidden. */
describe.runIf(image)('a container that is killed in the middle of a job', () => {
  it('is followed by one that runs the job again, at one charge', {
    timeout: 120_000,
  }, async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'percall-killed-'))
    onTestFinished(() => rmSync(scratch, { recursive: true }))
    const first = await startWith(hangingOnnx(), { scratch })
    // Billions of rounds.
    const { status, body } = await first.call(4e9, { prefer: 'respond-async' })
    expect(status).toBe(202)
    const job = `/v1/jobs/${(body as { id: string }).id}`
    await expect
      .poll(async () => (await first.ask(job)).body, { timeout: 30_000 })
      .toMatchObject({ state: 'running', attempts: 1 })
    await first.container.end('SIGKILL')

    // The same model by name and version, of a file without the loop.
    const second = await startWith(harmlessOnnx(), { scratch })
    expect((await second.ask(job)).body).toMatchObject({ state: 'running', attempts: 1 })
    await expect
      .poll(async () => (await second.ask(job)).body, { timeout: 90_000, interval: 500 })
      .toMatchObject({ state: 'succeeded', attempts: 2 })
    expect((await second.ask(`${job}/result`)).status).toBe(200)
    await second.container.end('SIGTERM')

    const ledger = await openLedger(readEnvironment({ PERCALL_HOME: join(scratch, 'percall') }))
    onTestFinished(() => ledger.close())
    const asked = { tenant: 'default', from: 0, to: Number.MAX_SAFE_INTEGER, limit: 10 }
    const { entries } = await ledger.entries(asked)
    expect(entries.filter(({ type }) => type === 'charge')).toHaveLength(1)
    expect((await ledger.account('default'))?.held).toBe(0n)
  })
})
