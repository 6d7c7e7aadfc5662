import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'

/** What goes wrong with a request. `landed` faults come after the server has done what was asked. */
export type Fault =
  | { readonly kind: 'cut' | 'hang'; readonly landed: boolean }
  | { readonly kind: 'answer'; readonly landed: boolean; readonly answer: Answer }

export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface ReceivedRequest {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server on loopback whose requests go wrong as they are told to, one fault a request. */
export async function startFaultyHttpServer(handle: (request: ReceivedRequest) => Answer) {
  const faults: (Fault | undefined)[] = []
  const received: ReceivedRequest[] = []
  let always: Fault | undefined
  const server = createServer(async (incoming, response) => {
    let body = ''
    for await (const chunk of incoming.setEncoding('utf8')) body += chunk
    const request = {
      method: incoming.method ?? '',
      url: new URL(incoming.url ?? '', 'http://server'),
      headers: incoming.headers,
      body,
    }
    received.push(request)
    const fault = faults.shift() ?? always
    const usual = fault && !fault.landed ? undefined : strictly(handle, request)
    if (fault?.kind === 'cut') return incoming.socket.destroy()
    if (fault?.kind === 'hang') return
    const {
      status,
      body: text,
      headers,
    } = fault?.kind === 'answer' ? fault.answer : (usual ?? nothing)
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** Every request that came, in order. */
    received,
    /** The next requests go wrong in this way; `undefined` is one that does not. */
    plan: (...next: (Fault | undefined)[]) => void faults.push(...next),
    /** All requests go wrong that are not planned otherwise, until `undefined` is said. */
    always: (fault: Fault | undefined) => {
      always = fault
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const nothing: Answer = { status: 500, body: '' }

/** What the server cannot make sense of is the caller's mistake. */
function strictly(handle: (request: ReceivedRequest) => Answer, request: ReceivedRequest): Answer {
  try {
    return handle(request)
  } catch (error) {
    return { status: 400, body: String(error) }
  }
}

export const cut = (landed: boolean): Fault => ({ kind: 'cut', landed })
export const hang = (landed: boolean): Fault => ({ kind: 'hang', landed })
export const answer = (status: number, body = '', landed = false): Fault => ({
  kind: 'answer',
  landed,
  answer: { status, body },
})
