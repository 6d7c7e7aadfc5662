import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Endpoint, HttpRequest } from '#shared/protocols/http-message.ts'

export interface NodeHostOptions {
  endpoint: Endpoint
  host: string
  /** 0 takes any free port. */
  port: number
  /** Bytes of a body; beyond it the host stops reading. */
  bodyLimitBytes: number
}

export interface NodeHost {
  readonly url: string
  /** Lets calls under way end, then closes. */
  close(): Promise<void>
}

/** Serves an endpoint over HTTP/1.1 in this process. */
export async function startNodeHost(options: NodeHostOptions): Promise<NodeHost> {
  const { endpoint, host, port, bodyLimitBytes } = options
  const server = createServer(
    { maxHeaderSize: 8_192, requestTimeout: 60_000, headersTimeout: 10_000, noDelay: true },
    (incoming, outgoing) => void serve(endpoint, bodyLimitBytes, incoming, outgoing),
  )
  await listen(server, host, port)
  const { port: actualPort } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

async function serve(
  endpoint: Endpoint,
  limitBytes: number,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    const request = await readRequest(incoming, limitBytes)
    const { status, headers, body } = await endpoint(request)
    // A body that was not read to its end would be taken for the next request.
    if (request.oversized) headers.connection = 'close'
    headers['content-length'] = String(Buffer.byteLength(body))
    outgoing.writeHead(status, headers).end(body)
  } catch {
    // The caller went away while sending; there is nobody left to answer.
    outgoing.destroy()
  }
}

async function readRequest(incoming: IncomingMessage, limitBytes: number): Promise<HttpRequest> {
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://localhost')
  const body = await readBytes(incoming, limitBytes)
  return {
    method: incoming.method ?? 'GET',
    path: decodePath(pathname),
    query: Object.fromEntries(searchParams),
    headers: incoming.headers as Record<string, string>,
    body: body ?? new Uint8Array(),
    oversized: body === undefined,
    sourceIp: incoming.socket.remoteAddress ?? '',
  }
}

/** The body, or `undefined` as soon as it is known to be larger than the limit. */
function readBytes(incoming: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  if (Number(incoming.headers['content-length'] ?? 0) > limitBytes)
    return Promise.resolve(undefined)
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>()
  const chunks: Buffer[] = []
  let received = 0
  incoming.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received > limitBytes) {
      incoming.pause()
      resolve(undefined)
    } else {
      chunks.push(chunk)
    }
  })
  incoming.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
  incoming.on('error', reject)
  return promise
}

/** A path whose percent-encoding is broken leads nowhere, as it stands. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}
