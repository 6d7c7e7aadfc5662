import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

/** What goes wrong with one request to DynamoDB. */
export const dynamodbFaults = {
  /** The connection breaks before the request arrives. */
  'lost request': { forward: false },
  /** The request is done, and nobody hears of it. */
  'lost reply': { forward: true },
  'transaction conflict': {
    forward: false,
    answer: (operation: string) =>
      operation === 'TransactWriteItems'
        ? {
            type: 'TransactionCanceledException',
            CancellationReasons: [{ Code: 'TransactionConflict' }],
          }
        : { type: 'TransactionConflictException' },
  },
  throttling: {
    forward: false,
    answer: (operation: string) =>
      operation === 'TransactWriteItems'
        ? {
            type: 'TransactionCanceledException',
            CancellationReasons: [{ Code: 'ThrottlingError' }],
          }
        : { type: 'ThrottlingException' },
  },
} as const satisfies Record<string, Fault>

interface Fault {
  readonly forward: boolean
  readonly answer?: (operation: string) => { readonly type: string }
}

export type DynamodbFault = keyof typeof dynamodbFaults

/**
 * Stands in front of DynamoDB Local, which never fails by itself.
 * @param script asked for each request, by its number from 1 on
 */
export async function startFaultyDynamodbProxy(
  target: string,
  script: (number: number, operation: string) => DynamodbFault | undefined,
) {
  const agent = new Agent({ keepAlive: true })
  const proxy = { endpoint: '', requests: 0, faults: 0, stop }
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => incoming.socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  proxy.endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  return proxy

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of incoming) parts.push(part)
    proxy.requests += 1
    const operation = String(incoming.headers['x-amz-target']).split('.').at(-1) ?? ''
    const name = script(proxy.requests, operation)
    const fault: Fault | undefined = name && dynamodbFaults[name]
    if (fault) proxy.faults += 1
    if (fault?.answer) {
      const { type, ...more } = fault.answer(operation)
      const body = { __type: `com.amazonaws.dynamodb.v20120810#${type}`, ...more }
      outgoing.writeHead(400).end(JSON.stringify(body))
      return
    }
    if (fault && !fault.forward) return void incoming.socket.destroy()
    const { status, body } = await forward(incoming, Buffer.concat(parts))
    if (fault) incoming.socket.destroy()
    else outgoing.writeHead(status).end(body)
  }

  async function forward({ headers }: IncomingMessage, body: Buffer) {
    const outgoing = request(target, { method: 'POST', headers, agent }).end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    const parts: Buffer[] = []
    for await (const part of response) parts.push(part)
    return { status: response.statusCode ?? 0, body: Buffer.concat(parts) }
  }

  async function stop(): Promise<void> {
    agent.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
}
