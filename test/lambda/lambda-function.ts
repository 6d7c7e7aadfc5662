import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type ExecutionEnvironment, startExecutionEnvironment } from './execution-environment.ts'
import { readZip } from './read-zip.ts'
import { type FunctionFailure, payloadLimitBytes } from './runtime-api-server.ts'
import { holdRuntime } from './shared-runtime.ts'
import type { StreamedResponse } from './streamed-response.ts'

export interface LambdaFunctionOptions {
  readonly name: string
  readonly zip: Buffer
  readonly handler?: string
  readonly memoryMB?: number
  readonly timeoutMs?: number
  /** The function's own variables; nothing of the test's environment reaches it. */
  readonly environment?: Readonly<Record<string, string>>
  /** Environments that may run at once; further events wait. */
  readonly concurrency?: number
}

export interface Invocation {
  /** The answer parsed, or `undefined` where there is none. */
  readonly payload: unknown
  readonly stream: StreamedResponse | undefined
  readonly failure: FunctionFailure | undefined
  readonly coldStart: boolean
  /** Of a cold start: from the start of the process until it asked for its first event. */
  readonly initMs: number | undefined
  /** With a cold start, where there was one. */
  readonly durationMs: number
  readonly residentBytes: number
}

export interface LambdaFunction {
  readonly taskRoot: string
  /** Runs an event in an idle environment, or in a new one. Between events environments are frozen. */
  invoke(event: unknown): Promise<Invocation>
  /** Ends all idle environments: the next event meets a cold start. */
  forget(): Promise<void>
  /** Ends all environments at once, in the middle of what they do, as where their host fails. */
  kill(): Promise<void>
  /** What all environments so far have logged. */
  logs(): string
  stop(): Promise<void>
}

const region = 'eu-central-1'

/** A packaged function, run by Lambda's own runtime client as Lambda runs it. */
export function createLambdaFunction(options: LambdaFunctionOptions): LambdaFunction {
  const { name, zip, handler = 'handler.handler', environment = {}, concurrency = 4 } = options
  const { memoryMB = 512, timeoutMs = 10_000 } = options
  const folder = mkdtempSync(join(tmpdir(), 'percall-lambda-'))
  chmodSync(folder, 0o755)
  const taskRoot = join(folder, 'task')
  unpack(zip, taskRoot)
  const runtime = holdRuntime()
  // To root every folder is writable, so the function runs as nobody.
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined
  const variables = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    _HANDLER: handler,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMB),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/23/[$LATEST]0',
    ...environment,
  }

  const all: ExecutionEnvironment[] = []
  const idle: ExecutionEnvironment[] = []
  const waiting: (() => void)[] = []
  let running = 0
  let started = 0

  async function invokeNow(event: string): Promise<Invocation> {
    const startedAt = performance.now()
    const warm = idle.pop()
    const chosen =
      warm ??
      (await startExecutionEnvironment({
        runtimeFolder: runtime.folder,
        taskRoot,
        scratchFolder: join(folder, `scratch-${++started}`),
        functionArn: `arn:aws:lambda:${region}:123456789012:function:${name}`,
        variables,
        timeoutMs,
        user,
      }))
    if ('errorType' in chosen) return failed(chosen, performance.now() - startedAt)
    if (!warm) all.push(chosen)
    const outcome = await chosen.invoke(event)
    const invocation = {
      payload: outcome.kind === 'response' ? (JSON.parse(outcome.payload) as unknown) : undefined,
      stream: outcome.kind === 'stream' ? outcome : undefined,
      failure: outcome.kind === 'error' ? outcome : undefined,
      coldStart: !warm,
      initMs: warm ? undefined : chosen.initMs,
      durationMs: performance.now() - startedAt,
      residentBytes: chosen.residentBytes(),
    }
    if (chosen.dead()) await chosen.stop()
    else idle.push(chosen)
    return invocation
  }

  return {
    taskRoot,
    logs: () => all.map((one) => one.logs()).join(''),
    async invoke(event) {
      const text = JSON.stringify(event)
      if (Buffer.byteLength(text) > payloadLimitBytes) {
        const errorMessage = `The event is larger than ${payloadLimitBytes} bytes.`
        return failed({ errorType: 'RequestTooLargeException', errorMessage }, 0)
      }
      if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve))
      else running += 1
      try {
        return await invokeNow(text)
      } finally {
        const next = waiting.shift()
        if (next) next()
        else running -= 1
      }
    },
    async forget() {
      await Promise.all(idle.splice(0).map((one) => one.stop()))
    },
    async kill() {
      await Promise.all(all.map((one) => one.stop()))
    },
    async stop() {
      await this.forget()
      chmodSync(taskRoot, 0o755)
      rmSync(folder, { recursive: true, force: true })
      runtime.release()
    },
  }
}

const failed = (failure: FunctionFailure, durationMs: number): Invocation => ({
  payload: undefined,
  stream: undefined,
  failure,
  coldStart: true,
  initMs: undefined,
  durationMs,
  residentBytes: 0,
})

function unpack(zip: Buffer, folder: string): void {
  for (const [path, bytes] of readZip(zip)) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes, { mode: 0o444 })
  }
  chmodSync(folder, 0o555)
}
