import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, json } from 'node:stream/consumers'
import { readStreamedResponse, type StreamedResponse } from './streamed-response.ts'

/** Lambda's limit on an event and on a buffered answer, in bytes of JSON. */
export const payloadLimitBytes = 6_291_556

export interface FunctionFailure {
  readonly errorType: string
  readonly errorMessage: string
}

/** What the runtime posted for one event. */
export type Outcome =
  | { readonly kind: 'response'; readonly payload: string }
  | ({ readonly kind: 'stream' } & StreamedResponse)
  | ({ readonly kind: 'error' } & FunctionFailure)

export interface RuntimeApiServer {
  /** `host:port`, for `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string
  /** Settles once: `undefined` when the runtime first asks for an event, or why it could not start. */
  readonly started: Promise<FunctionFailure | undefined>
  /**
   * Hands an event to the runtime and gives what it answers. Several at a time wait until the runtime
   * asks for as many.
   */
  send(event: string, deadlineMs: number, functionArn: string): Promise<Outcome>
  close(): Promise<void>
}

type Settle = (outcome: Outcome) => void

/**
 * The HTTP server that Lambda puts beside every function: the runtime takes events from it and posts
 * answers to it. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function startRuntimeApiServer(): Promise<RuntimeApiServer> {
  const started = Promise.withResolvers<FunctionFailure | undefined>()
  /** Of the runtime, which asks for an event, and of events, which wait for that. */
  const asking: ServerResponse[] = []
  const waiting: ((response: ServerResponse) => void)[] = []
  const pending = new Map<string, Settle>()

  const server = createServer(async (request, response) => {
    const [, , , subject = '', id = '', action] = (request.url ?? '').split('/')
    if (subject === 'init') {
      started.resolve(await failureOf(request))
      accept(response)
      return
    }
    if (id === 'next') {
      started.resolve(undefined)
      const next = waiting.shift()
      if (next) next(response)
      else asking.push(response)
      return
    }
    const event = decodeURIComponent(id)
    const settle = pending.get(event)
    pending.delete(event)
    if (!settle) {
      reply(response, 400, { errorType: 'InvalidRequestID', errorMessage: 'Not a current event' })
    } else if (action === 'error') {
      settle({ kind: 'error', ...(await failureOf(request)) })
      accept(response)
    } else if (request.headers['lambda-runtime-function-response-mode'] === 'streaming') {
      settle({ kind: 'stream', ...(await readStreamedResponse(request)) })
      request.once('end', () => accept(response))
    } else {
      await takeResponse(request, response, settle)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    started: started.promise,
    async send(event, deadlineMs, functionArn) {
      const response =
        asking.shift() ?? (await new Promise<ServerResponse>((resolve) => waiting.push(resolve)))
      const { promise, resolve } = Promise.withResolvers<Outcome>()
      const id = randomUUID()
      pending.set(id, resolve)
      response.writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': id,
        'lambda-runtime-deadline-ms': deadlineMs,
        'lambda-runtime-invoked-function-arn': functionArn,
        'lambda-runtime-trace-id': `Root=1-${id.slice(0, 8)}-${'0'.repeat(24)};Sampled=0`,
      })
      response.end(event)
      return promise
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function takeResponse(
  request: IncomingMessage,
  response: ServerResponse,
  settle: Settle,
): Promise<void> {
  const payload = await buffer(request)
  if (payload.length <= payloadLimitBytes) {
    settle({ kind: 'response', payload: payload.toString() })
    return accept(response)
  }
  const failure = {
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: `Response payload size exceeded maximum allowed payload size (${payloadLimitBytes} bytes).`,
  }
  settle({ kind: 'error', ...failure })
  reply(response, 413, failure)
}

async function failureOf(request: IncomingMessage): Promise<FunctionFailure> {
  const body = (await json(request)) as Partial<FunctionFailure>
  return { errorType: body.errorType ?? 'Unknown', errorMessage: body.errorMessage ?? '' }
}

const accept = (response: ServerResponse) => reply(response, 202, { status: 'OK' })

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
