import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request } from 'node:http'

/**
 * What becomes of one request. `landed` ones reach the server, which answers; its answer is lost, or
 * replaced by one of the gateway's own.
 */
export type GatewayFault =
  | { readonly kind: 'cut'; readonly landed: boolean }
  | { readonly kind: 'status'; readonly status: number; readonly landed: boolean }

/** A gateway on loopback in front of a server; requests fail as they are told to, one fault each. */
export async function startForgetfulGateway(target: string) {
  const agent = new Agent({ keepAlive: true })
  const faults: (GatewayFault | undefined)[] = []
  const received: IncomingMessage['headers'][] = []
  const server = createServer(async (incoming, outgoing) => {
    const parts: Buffer[] = []
    for await (const part of incoming) parts.push(part)
    received.push(incoming.headers)
    const fault = faults.shift()
    const { method, url = '/', headers } = incoming
    const answer =
      fault?.landed === false
        ? undefined
        : await forward(new URL(url, target), { method, headers, body: Buffer.concat(parts) })
    if (fault?.kind === 'cut') return void incoming.socket.destroy()
    if (fault?.kind === 'status') return void outgoing.writeHead(fault.status).end()
    outgoing.writeHead(answer?.statusCode ?? 502, answer?.headers)
    if (answer) answer.pipe(outgoing)
    else outgoing.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The gateway has no port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** The headers of every request that came, in order. */
    received,
    /** The next requests fail in this way; `undefined` is one that does not. */
    plan: (...next: (GatewayFault | undefined)[]) => void faults.push(...next),
    async stop() {
      agent.destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  async function forward(
    url: URL,
    asked: Pick<IncomingMessage, 'method' | 'headers'> & { body: Buffer },
  ): Promise<IncomingMessage> {
    const { method, headers, body } = asked
    const outgoing = request(url, { method, headers, agent }).end(body)
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    return answer
  }
}
