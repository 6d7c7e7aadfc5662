import { connect as connectPlain, isIP, type OnReadOpts } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { ServiceError } from '#shared/errors/service-error.ts'

interface HttpServer {
  readonly host: string
  readonly port: number
  readonly tls: boolean
}

export interface HttpReply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** What came of the body, 16 KiB at most, where it was not accepted. */
  text: string
}

export interface HttpRangeRequest {
  readonly server: HttpServer
  /** Request line and headers, with the empty line. It must ask for `connection: close`. */
  readonly head: string
  /** Where the body goes. It is done when this is full. */
  readonly into: Uint8Array
  /** Looks at the head of the reply: true takes the body into `into`, false into `text`; may throw. */
  readonly accept: (reply: HttpReply) => boolean
  /** So many bytes more are in `into`. May throw, which ends the request. */
  readonly onBytes: (count: number) => void
  /** A connection that brings fewer than `minBytes` within `withinMs` is given up. */
  readonly pace: { readonly minBytes: number; readonly withinMs: number }
  readonly signal: AbortSignal
}

const scratchBytes = 16 * 1024
const headEnd = '\r\n\r\n'

/**
 * One HTTP request on a socket of its own, whose body the kernel (or the TLS layer) writes straight
 * to its place: no stream, no chunk list, no copy. Resolves with the reply once `into` is full, or
 * once the refusing reply's text is in.
 *
 * @throws ServiceError `artifact_unavailable` where the connection fails, stalls or ends early;
 * whatever `accept` and `onBytes` throw; the signal's reason
 */
export function httpRangeRequest(request: HttpRangeRequest): Promise<HttpReply> {
  const { server, into, accept, onBytes, pace, signal } = request
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>()
  // Holds the reply's head and the first bytes behind it, then the text of a refusal.
  const scratch = Buffer.allocUnsafe(scratchBytes)
  let gathered = 0
  let reply: HttpReply | undefined
  let accepted = false
  let filled = 0
  let paced = 0

  const onread: OnReadOpts = {
    // An empty buffer would be an error: once `into` is full, what is left to come goes nowhere.
    buffer: () =>
      accepted && filled < into.length
        ? into.subarray(filled)
        : scratch.subarray(gathered % scratchBytes),
    callback: (count) => {
      try {
        read(count)
      } catch (error) {
        settle(error)
      }
      return true
    },
  }
  const { host, port } = server
  const options = { host, port, onread }
  const socket = server.tls
    ? // `onread` is documented for TLS as well, but missing in its type.
      connectTls({ ...options, ...tlsOptions(host) } as ConnectionOptions)
    : connectPlain(options)
  const timer = setTimeout(() => settle(unavailable('is too slow')), pace.withinMs)
  const onAbort = () => settle(signal.reason)

  socket.on('error', (cause) => settle(unavailable('cannot be reached', cause)))
  socket.on('close', onEnd)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  socket.write(request.head)
  return promise

  function read(count: number) {
    paced += count
    if (paced >= pace.minBytes) {
      paced = 0
      timer.refresh()
    }
    if (accepted) return deliver(count)
    gathered += count
    if (!reply) readHead()
    else if (gathered === scratchBytes || isWhole(reply)) onEnd()
  }

  function readHead() {
    const end = scratch.subarray(0, gathered).indexOf(headEnd)
    if (end < 0) {
      if (gathered === scratchBytes) throw unavailable('does not speak HTTP')
      return
    }
    reply = parseHead(scratch.toString('latin1', 0, end))
    accepted = accept(reply)
    const body = scratch.subarray(end + headEnd.length, gathered)
    timer.refresh()
    if (accepted) {
      into.set(body.subarray(0, into.length))
      deliver(Math.min(body.length, into.length))
    } else {
      scratch.copyWithin(0, end + headEnd.length, gathered)
      gathered = body.length
      if (isWhole(reply)) onEnd()
    }
  }

  function deliver(count: number) {
    if (filled === into.length) return
    filled += count
    if (count > 0) onBytes(count)
    if (filled === into.length) settle()
  }

  /** Whether the text of a refusal is in, as far as can be told before the connection ends. */
  function isWhole({ headers }: HttpReply): boolean {
    const length = headers.get('content-length')
    if (length !== undefined) return gathered >= Number(length)
    return scratch.subarray(0, gathered).includes('\r\n0\r\n\r\n')
  }

  function onEnd() {
    if (reply && !accepted) reply.text = scratch.toString('latin1', 0, gathered)
    settle(reply && !accepted ? undefined : unavailable('closed the connection early'))
  }

  function settle(error?: unknown) {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    socket.destroy()
    // Only the first call counts: a promise settles once.
    if (error === undefined && reply) resolve(reply)
    else reject(error)
  }
}

/** RFC 6066 knows no server name that is an address. */
const tlsOptions = (host: string): ConnectionOptions => ({
  ALPNProtocols: ['http/1.1'],
  ...(isIP(host) === 0 && { servername: host }),
})

function parseHead(head: string): HttpReply {
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1])
  if (!status) throw unavailable('does not speak HTTP')
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  return { status, headers, text: '' }
}

const unavailable = (what: string, cause?: unknown) =>
  new ServiceError('artifact_unavailable', { detail: `The artifact store ${what}.`, cause })
