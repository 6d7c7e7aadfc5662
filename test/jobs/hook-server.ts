import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface Hook {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A receiver of webhooks: remembers what came, and answers as it is told. */
export async function startHookServer(
  tls?: { readonly key: string; readonly cert: string },
  answer: (outgoing: ServerResponse, count: number) => void = (outgoing) => void outgoing.end(),
) {
  const hooks: Hook[] = []
  let connections = 0
  const listener = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    let body = ''
    for await (const piece of incoming) body += piece
    hooks.push({ path: incoming.url ?? '', headers: incoming.headers, body })
    answer(outgoing, hooks.length)
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    hooks,
    get connections() {
      return connections
    },
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/hook`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
