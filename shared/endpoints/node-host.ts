import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
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
  /** The same of an upload, which has as long as a slow line needs. */
  uploadTimeoutMs?: number
}

export interface NodeHost {
  readonly url: string
  /** Lets calls under way end, then closes. */
  close(): Promise<void>
}

/** Serves an endpoint over HTTP/1.1 in this process. */
export async function startNodeHost(options: NodeHostOptions): Promise<NodeHost> {
  const { endpoint, host, port, bodyLimitBytes, requestTimeoutMs = 60_000 } = options
  const { uploadTimeoutMs = 30 * 60_000 } = options
  const server = createServer(
    {
      maxHeaderSize: 8_192,
      requestTimeout: Math.max(uploadTimeoutMs, requestTimeoutMs),
      headersTimeout: Math.min(10_000, requestTimeoutMs),
      connectionsCheckingInterval: Math.min(5_000, requestTimeoutMs),
      // Longer than clients and load balancers keep an idle connection (60 s): who closes it first
      // must not be the one that a request may be on its way to.
      keepAliveTimeout: 72_000,
      noDelay: true,
    },
    async (incoming, outgoing) => {
      try {
        const request = await readRequest(incoming, endpoint, { bodyLimitBytes, requestTimeoutMs })
        const gone = new AbortController()
        outgoing.once('close', () => {
          if (!outgoing.writableFinished) gone.abort()
        })
        const response = await endpoint({ ...request, signal: gone.signal })
        // While the host closes, kept-alive connections would hold it open.
        if (!server.listening) response.headers.connection = 'close'
        const isUnread = request.oversized || (request.stream && !incoming.complete)
        await answer(response, isUnread ? incoming : undefined, outgoing, events)
      } catch (thrown) {
        if (thrown === late) outgoing.writeHead(408, { connection: 'close' }).end()
        // Else the caller went away while sending; there is nobody left to answer.
        else outgoing.destroy()
      }
    },
  )
  const events = new Set<Readable>()
  await listen(server, host, port)
  const { port: actualPort } = server.address() as AddressInfo
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        // Who watches a job would keep the host as long as it lasts, and asks again by himself.
        for (const stream of events) stream.destroy()
      }),
  }
}

/** @param unread a request whose body was not read to its end, and would be taken for the next */
async function answer(
  { status, headers, body, stream }: HttpResponse,
  unread: IncomingMessage | undefined,
  outgoing: ServerResponse,
  events: Set<Readable>,
): Promise<void> {
  if (stream) {
    outgoing.writeHead(status, headers).flushHeaders()
    if (outgoing.req.method === 'HEAD') outgoing.end()
    else await send(stream, outgoing, isEndless(headers) ? events : undefined)
    return
  }
  headers['content-length'] = String(Buffer.byteLength(body))
  if (!unread) {
    outgoing.writeHead(status, headers).end(body)
    return
  }
  outgoing.writeHead(status, { ...headers, connection: 'close' }).write(body)
  // Closed at once, the connection would be reset, and a caller that sends its whole body before it
  // reads (Python's http.client) would never see the answer (RFC 9112, 9.6).
  unread.resume()
  await Promise.race([once(unread, 'close'), sleep(lingerMs, undefined, { ref: false })])
  outgoing.end()
}

/** At the pace at which the caller reads. Ends the stream when he goes away. */
async function send(
  stream: AsyncIterable<Uint8Array>,
  outgoing: ServerResponse,
  events: Set<Readable> | undefined,
): Promise<void> {
  // As a stream of its own it is ended also while it waits for what comes next.
  const sent = Readable.from(stream)
  events?.add(sent)
  await pipeline(sent, outgoing).finally(() => events?.delete(sent))
}

const isEndless = (headers: HttpResponse['headers']): boolean =>
  headers['content-type'] === 'text/event-stream'

async function readRequest(
  incoming: IncomingMessage,
  { takesUpload }: Endpoint,
  limits: BodyLimits,
): Promise<HttpRequest> {
  const { pathname, searchParams } = readTarget(incoming.url ?? '/')
  const method = incoming.method ?? 'GET'
  const path = decodePath(pathname)
  const isUpload = takesUpload?.(method, path) === true
  const body = isUpload ? new Uint8Array() : await readBytes(incoming, limits)
  return {
    // Who stops reading leaves it open: the answer goes by the same connection.
    ...(isUpload && { stream: incoming.iterator({ destroyOnReturn: false }) }),
    method,
    path,
    query: Object.fromEntries(searchParams),
    headers: incoming.headers as Record<string, string>,
    body: body ?? new Uint8Array(),
    oversized: body === undefined,
    sourceIp: incoming.socket.remoteAddress ?? '',
  }
}

type BodyLimits = Required<Pick<NodeHostOptions, 'bodyLimitBytes' | 'requestTimeoutMs'>>

/** Thrown of a body that has not arrived in time: Node's own clock is that of uploads. */
const late = Symbol('late')

/** The body, or `undefined` as soon as it is known to be larger than the limit. */
function readBytes(
  incoming: IncomingMessage,
  { bodyLimitBytes, requestTimeoutMs }: BodyLimits,
): Promise<Buffer | undefined> {
  if (Number(incoming.headers['content-length'] ?? 0) > bodyLimitBytes)
    return Promise.resolve(undefined)
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>()
  const timer = setTimeout(() => reject(late), requestTimeoutMs)
  const chunks: Buffer[] = []
  let received = 0
  incoming.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received > bodyLimitBytes) {
      clearTimeout(timer)
      incoming.removeAllListeners('data').pause()
      resolve(undefined)
    } else {
      chunks.push(chunk)
    }
  })
  incoming.on('end', () => {
    clearTimeout(timer)
    resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))
  })
  incoming.on('error', (cause) => {
    clearTimeout(timer)
    reject(cause)
  })
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
