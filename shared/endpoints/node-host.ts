import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import type { Endpoint, HttpRequest, HttpResponse } from '#shared/protocols/http-message.ts'

/** How long a connection whose body is too large is read on, so that its caller sees the answer. */
const lingerMs = 2_000

export interface NodeHostOptions {
  endpoint: Endpoint
  host: string
  /** 0 takes any free port. */
  port: number
  /** Bytes of a body; beyond it the host stops reading. */
  bodyLimitBytes: number
  /** A request that has not arrived whole by then is answered 408. */
  requestTimeoutMs?: number
}

export interface NodeHost {
  readonly url: string
  /** Lets calls under way end, then closes. */
  close(): Promise<void>
}

/** Serves an endpoint over HTTP/1.1 in this process. */
export async function startNodeHost(options: NodeHostOptions): Promise<NodeHost> {
  const { endpoint, host, port, bodyLimitBytes, requestTimeoutMs = 60_000 } = options
  const server = createServer(
    {
      maxHeaderSize: 8_192,
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(10_000, requestTimeoutMs),
      connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs),
      noDelay: true,
    },
    async (incoming, outgoing) => {
      try {
        const request = await readRequest(incoming, endpoint, bodyLimitBytes)
        const response = await endpoint(request)
        // While the host closes, kept-alive connections would hold it open.
        if (!server.listening) response.headers.connection = 'close'
        const isUnread = request.oversized || (request.stream && !incoming.complete)
        await answer(response, isUnread ? incoming : undefined, outgoing)
      } catch {
        // The caller went away while sending; there is nobody left to answer.
        outgoing.destroy()
      }
    },
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

/** @param unread a request whose body was not read to its end, and would be taken for the next */
async function answer(
  { status, headers, body, stream }: HttpResponse,
  unread: IncomingMessage | undefined,
  outgoing: ServerResponse,
): Promise<void> {
  if (stream) return send(stream, outgoing.writeHead(status, headers))
  headers['content-length'] = String(Buffer.byteLength(body))
  if (!unread) {
    outgoing.writeHead(status, headers).end(body)
    return
  }
  outgoing.writeHead(status, { ...headers, connection: 'close' }).write(body)
  // Closed at once, the connection would be reset, and a caller that sends its whole body before it
  // reads (Python's http.client) would never see the answer (RFC 9112, 9.6).
  unread.resume()
  await Promise.race([once(unread, 'close'), setTimeout(lingerMs, undefined, { ref: false })])
  outgoing.end()
}

/** At the pace at which the caller reads. Ends the stream when he goes away. */
async function send(stream: AsyncIterable<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  outgoing.flushHeaders()
  await pipeline(stream, outgoing)
}

async function readRequest(
  incoming: IncomingMessage,
  { takesUpload }: Endpoint,
  limitBytes: number,
): Promise<HttpRequest> {
  const { pathname, searchParams } = readTarget(incoming.url ?? '/')
  const method = incoming.method ?? 'GET'
  const path = decodePath(pathname)
  const isUpload = takesUpload?.(method, path) === true
  const body = isUpload ? new Uint8Array() : await readBytes(incoming, limitBytes)
  return {
    ...(isUpload && { stream: incoming }),
    method,
    path,
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
      incoming.removeAllListeners('data').pause()
      resolve(undefined)
    } else {
      chunks.push(chunk)
    }
  })
  incoming.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
  incoming.on('error', reject)
  return promise
}

/** A path, or the absolute form that proxies send; never a host for a path of two slashes. */
function readTarget(target: string): URL {
  if (target.startsWith('/')) return new URL(`http://localhost${target}`)
  return URL.parse(target) ?? new URL('http://localhost/*')
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
