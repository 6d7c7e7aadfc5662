import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { json as readJson } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { readPeppers } from '#shared/access/read-peppers.ts'
import { publishArtifact } from '#shared/artifacts/publish-artifact.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { openArtifactStore } from '#shared/endpoints/open-artifact-store.ts'
import { openKeyStore } from '#shared/endpoints/open-key-store.ts'
import { openLedger } from '#shared/endpoints/open-ledger.ts'
import { httpApiEvent } from '#test/lambda/http-api.ts'
import { type Outcome, startRuntimeApiServer } from '#test/lambda/runtime-api-server.ts'
import { behaviour } from './behaviour.ts'
import { type ContainerProcess, container as image, startContainer } from './container-process.ts'
import { httpRequest } from './http-request.ts'
import type { StartHost } from './running-host.ts'

const oldPepper = 'the pepper that was replaced, for tests only'

const start: StartHost = async ({ jwtIssuer, unpublished }) => {
  let environment = readEnvironment({})
  const container = await startContainer({
    environment: {
      PERCALL_ARTIFACTS: '{scratch}/artifacts',
      // It is loaded at the start; the files of others are damaged.
      PERCALL_MODEL: 'spam',
      PERCALL_KEY_PEPPER_OLD: oldPepper,
      PERCALL_JWT_ISSUER: jwtIssuer,
      PERCALL_JWT_AUDIENCE: 'percall',
    },
    async prepare(scratch) {
      environment = readEnvironment({
        PERCALL_HOME: join(scratch, 'percall'),
        PERCALL_ARTIFACTS: join(scratch, 'artifacts'),
      })
      const artifacts = await openArtifactStore(environment)
      for (const { manifest, folder } of readModels('models', { parse: parseManifest })) {
        const { name, artifact } = manifest
        if (name === unpublished || artifact.file === undefined) continue
        await publishArtifact(artifacts, artifact, { folder, file: artifact.file })
      }
    },
  })
  const keyStore = await openKeyStore(environment)
  const ledger = await openLedger(environment)
  return {
    keyStore,
    ledger,
    artifacts: await openArtifactStore(environment),
    pepper: readPeppers(environment).pepper,
    oldPepper,
    request: (call) => httpRequest(container.url, call),
    async stop() {
      keyStore.close?.()
      await ledger.close()
      await container.remove()
    },
  }
}

behaviour('the container', start)

describe('the container as a process', () => {
  let container: ContainerProcess
  const key = 'a-development-key-of-tests'
  const json = { 'content-type': 'application/json' }

  beforeAll(async () => {
    container = await startContainer({
      environment: { PERCALL_DEV_KEY: key, PERCALL_INVOCATIONS_KEY: key, PERCALL_MODEL: 'iris' },
    })
  })
  afterAll(() => container.remove())

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(container.url + path, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: JSON.stringify(body),
    })

  it('answers /ping with 503 until its model is proven, and with 200 from then on', async () => {
    await expect
      .poll(async () => (await fetch(`${container.url}/ping`)).status, { timeout: 30_000 })
      .toBe(200)
    // What it writes takes a moment longer to get here.
    await expect.poll(() => container.log()).toContain('"ready","model":"iris@1"')
  })

  it('answers SageMaker without a key, and nobody else', async () => {
    const row = [5.1, 3.5, 1.4, 0.2]
    const invoked = await post('/invocations', { instances: [row] })
    expect([invoked.status, await invoked.json()]).toMatchObject([
      200,
      { predictions: [[{ label: 'setosa' }, {}, {}]] },
    ])
    const plain = await post('/v1/models/iris/predict', { inputs: [row] })
    expect(plain.status).toBe(401)
    const guessed = await post('/invocations', { instances: [row] }, { authorization: 'Bearer x' })
    expect([guessed.status, await guessed.json()]).toMatchObject([
      401,
      { error_code: 'UNAUTHENTICATED' },
    ])
  })

  it('answers the calls under way after SIGTERM, takes no new ones and exits with 0', async () => {
    // Its headers are there, as the container confirms, its body is not: the call is under way.
    const underWay = request(`${container.url}/invocations`, {
      method: 'POST',
      headers: { ...json, expect: '100-continue' },
    })
    const answered = once(underWay, 'response')
    underWay.flushHeaders()
    await once(underWay, 'continue')
    const ended = container.end('SIGTERM')
    const ping = () => fetch(`${container.url}/ping`).then(({ status }) => status)
    await expect.poll(() => ping().catch(() => 'closed')).toBe('closed')
    underWay.end(JSON.stringify({ inputs: [[5.1, 3.5, 1.4, 0.2]] }))
    const [answer] = (await answered) as [IncomingMessage]
    expect([answer.statusCode, await readJson(answer)]).toMatchObject([
      200,
      [[{ label: 'setosa' }, {}, {}]],
    ])
    const { status, afterMs } = await ended
    expect(status).toBe(0)
    expect(afterMs).toBeLessThan(30_000)
  })
})

it('a container that is told to serve a model that is not there ends, and says so', async () => {
  await expect(startContainer({ environment: { PERCALL_MODEL: 'nothing' } })).rejects.toThrow(
    /the container cannot start.*There is no model/,
  )
})

/** Only the image has the runtime client compiled. */
describe.runIf(image)('the image', () => {
  const pepper = 'a pepper for tests, and for nothing else'

  it('has nothing that its user may write but /tmp, and is no shell away from signals', () => {
    const root = execFileSync('buildah', ['mount', image ?? ''], { encoding: 'utf8' }).trim()
    const owned = ['(', '-uid', '65532', '-o', '-perm', '-o=w', ')', '-not', '-type', 'l']
    // Of the base's own, and what the host puts in.
    const others = ['tmp', 'tmp/*', 'var/tmp', 'run/*', 'dev/*', 'proc/*', 'sys/*']
    const args = [root, ...owned, ...others.flatMap((one) => ['-not', '-path', join(root, one)])]
    expect(execFileSync('find', args, { encoding: 'utf8' })).toBe('')
  })

  it('takes events of HTTP and of queues under Lambda, several at a time', async () => {
    const server = await startRuntimeApiServer()
    let key = ''
    const container = await startContainer({
      listens: false,
      environment: {
        AWS_LAMBDA_RUNTIME_API: server.address,
        AWS_LAMBDA_MAX_CONCURRENCY: '4',
        AWS_LAMBDA_FUNCTION_NAME: 'percall-gpu',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '4096',
        AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/percall-gpu',
        AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/23/[$LATEST]0',
        AWS_REGION: 'eu-central-1',
        PERCALL_KEY_PEPPER: pepper,
        PERCALL_ARTIFACTS: '{scratch}/artifacts',
        PERCALL_MODEL: 'iris',
      },
      async prepare(scratch) {
        const environment = readEnvironment({
          PERCALL_HOME: join(scratch, 'percall'),
          PERCALL_ARTIFACTS: join(scratch, 'artifacts'),
        })
        mkdirSync(environment.PERCALL_HOME)
        const [iris] = readModels('models', { parse: parseManifest, only: 'iris' })
        const { artifact } = iris?.manifest ?? {}
        if (!iris || !artifact?.file) throw new Error('the model iris is not there')
        const source = { folder: iris.folder, file: artifact.file }
        await publishArtifact(await openArtifactStore(environment), artifact, source)
        const keyStore = await openKeyStore(environment)
        const manager = createKeyManager({ keyStore, pepper })
        const made = { name: 'suite', scopes: ['predict'], mode: 'test' } as const
        key = (await manager.create({ ...made, scopes: [...made.scopes] })).key
        keyStore.close?.()
        const ledger = await openLedger(environment)
        await ledger.putAccount({
          tenant: 'default',
          currency: 'USD',
          mode: 'postpaid',
          limits: {},
        })
        await ledger.close()
      },
    })
    try {
      const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:percall-gpu'
      const late = new Promise((resolve) => setTimeout(resolve, 30_000, 'too late'))
      const failure = await Promise.race([server.started, late])
      expect(failure, container.log()).toBeUndefined()
      const send = async (event: unknown) =>
        streamed(await server.send(JSON.stringify(event), Date.now() + 60_000, arn))
      const call = {
        method: 'POST',
        path: '/v1/models/iris/predict',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ inputs: [5.1, 3.5, 1.4, 0.2] }),
      }
      const message = { messageId: 'm-1', body: '{}', receiptHandle: 'r', attributes: {} }
      const said = await Promise.all([
        ...[1, 2, 3].map(() => send(httpApiEvent(call, '$default'))),
        send({ Records: [message] }),
      ])
      for (const { prelude, text } of said.slice(0, 3)) {
        expect(prelude, text).toMatchObject({ statusCode: 200 })
        expect(JSON.parse(text)).toMatchObject({ outputs: [{ label: 'setosa' }, {}, {}] })
      }
      expect(JSON.parse(said[3]?.text ?? '')).toHaveProperty('batchItemFailures')
    } finally {
      await container.remove()
      await server.close()
    }
  }, 60_000)
})

async function streamed(outcome: Outcome) {
  if (outcome.kind !== 'stream') throw new Error(JSON.stringify(outcome))
  const text = Buffer.concat(await Array.fromAsync(outcome.body)).toString()
  return { prelude: outcome.prelude, text }
}
