import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'

/** What goes wrong with one request; nothing, where it is undefined. */
export type Fault =
  | { kind: 'refuse'; status: number; reason: string; framing?: 'length' | 'chunked' | 'none' }
  /** Says nothing until the client gives up. */
  | { kind: 'silence' }
  | { kind: 'trickle'; bytesPerSecond: number }
  | { kind: 'reset'; afterBytes: number }
  | { kind: 'end'; afterBytes: number }
  /** The whole file with status 200, as servers answer that know no ranges. */
  | { kind: 'ignore range' }
  /** Status 200 and fewer bytes than the file has. */
  | { kind: 'truncated 200'; bytes: number }
  /** `at` counts from the start of the file. */
  | { kind: 'flip bit'; at: number }
  /** Bytes of another place, and the reply says so. */
  | { kind: 'shift range' }
  /** In chunks, whatever the Content-Length says. */
  | { kind: 'chunked' }
  | { kind: 'not http' }
  /** Runs while the request waits for its answer, e.g. to publish another version. */
  | { kind: 'meanwhile'; run: () => void }

export interface FaultyRequest {
  key: string
  from: number
  to: number
  headers: ReadonlyMap<string, string>
}

export interface FaultyS3Server {
  endpoint: string
  /** What is stored, by key. */
  files: Map<string, Uint8Array>
  /** Asked for every request in order of arrival. */
  script: (request: FaultyRequest) => Fault | undefined
  requests: FaultyRequest[]
  /** Bytes of bodies handed to the network. */
  sentBytes: number
  openConnections(): number
  stop(): Promise<void>
}

/** A script that plays faults one after another, and then lets everything go well. */
export const inOrder = (...faults: Fault[]) => {
  const left = [...faults]
  return () => left.shift()
}

/** An S3 look-alike for ranged GETs, path style, that fails as it is told. It checks no signature. */
export async function startFaultyS3Server(): Promise<FaultyS3Server> {
  const sockets = new Set<Socket>()
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (head) => answer(socket, String(head)))
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0

  const server: FaultyS3Server = {
    endpoint: `http://127.0.0.1:${port}`,
    files: new Map(),
    script: () => undefined,
    requests: [],
    sentBytes: 0,
    openConnections: () => sockets.size,
    async stop() {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
  return server

  function answer(socket: Socket, text: string) {
    const request = parseRequest(text)
    server.requests.push(request)
    const fault = server.script(request)
    if (fault?.kind === 'meanwhile') fault.run()
    const file = server.files.get(request.key)
    if (!file) return refuse(socket, { status: 404, reason: 'NoSuchKey' })
    if (request.from >= file.length) return refuse(socket, { status: 416, reason: 'InvalidRange' })
    const etag = `"${createHash('sha1').update(file).digest('hex')}"`
    if ((request.headers.get('if-match') ?? etag) !== etag) {
      return refuse(socket, { status: 412, reason: 'PreconditionFailed' })
    }
    const { from } = request
    const to = Math.min(request.to, file.length)
    const body = Buffer.from(file.subarray(from, to))
    const head = [
      'HTTP/1.1 206 Partial Content',
      `Content-Range: bytes ${from}-${to - 1}/${file.length}`,
      `Content-Length: ${body.length}`,
      `ETag: ${etag}`,
    ]
    switch (fault?.kind) {
      case 'refuse':
        return refuse(socket, fault)
      case 'silence':
        return
      case 'not http':
        return socket.end('220 mail.example ESMTP ready\r\n\r\n')
      case 'trickle':
        return trickle(socket, head, body, fault.bytesPerSecond)
      case 'reset':
        return send(socket, head, body.subarray(0, fault.afterBytes), () =>
          socket.resetAndDestroy(),
        )
      case 'end':
        return send(socket, head, body.subarray(0, fault.afterBytes), () => socket.end())
      case 'ignore range':
        return send(socket, ['HTTP/1.1 200 OK', `Content-Length: ${file.length}`], file)
      case 'truncated 200': {
        const part = file.subarray(0, fault.bytes)
        return send(socket, ['HTTP/1.1 200 OK', `Content-Length: ${part.length}`], part)
      }
      case 'flip bit':
        if (fault.at >= from && fault.at < to)
          body.writeUInt8(body.readUInt8(fault.at - from) ^ 4, fault.at - from)
        return send(socket, head, body)
      case 'shift range': {
        const shifted = `Content-Range: bytes ${from + 1}-${to - 1}/${file.length}`
        return send(
          socket,
          head.with(1, shifted),
          Buffer.concat([body.subarray(1), body.subarray(0, 1)]),
        )
      }
      case 'chunked': {
        const chunk = Buffer.concat([
          Buffer.from(`${body.length.toString(16)}\r\n`),
          body,
          Buffer.from('\r\n0\r\n\r\n'),
        ])
        return send(socket, [...head, 'Transfer-Encoding: chunked'], chunk)
      }
      default:
        return send(socket, head, body)
    }
  }

  function send(socket: Socket, head: string[], body: Uint8Array, then?: () => void) {
    server.sentBytes += body.length
    socket.write(`${head.join('\r\n')}\r\n\r\n`)
    // What ends the connection follows once the bytes have left.
    socket.write(body, () => then?.())
  }

  function refuse(
    socket: Socket,
    { status, reason, framing = 'length' }: Omit<Extract<Fault, { kind: 'refuse' }>, 'kind'>,
  ) {
    const body = `<?xml version="1.0"?><Error><Code>${reason}</Code></Error>`
    const head = [`HTTP/1.1 ${status} ${reason}`, 'Content-Type: application/xml']
    if (framing === 'length')
      return send(socket, [...head, `Content-Length: ${body.length}`], Buffer.from(body))
    if (framing === 'none') return send(socket, head, Buffer.from(body), () => socket.end())
    const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    return send(socket, [...head, 'Transfer-Encoding: chunked'], Buffer.from(chunk))
  }

  function trickle(socket: Socket, head: string[], body: Uint8Array, bytesPerSecond: number) {
    let sent = 0
    send(socket, head, new Uint8Array())
    const timer = setInterval(() => {
      const part = body.subarray(sent, sent + Math.ceil(bytesPerSecond / 100))
      sent += part.length
      server.sentBytes += part.length
      if (part.length > 0) socket.write(part)
    }, 10)
    socket.on('close', () => clearInterval(timer))
  }
}

function parseRequest(text: string): FaultyRequest {
  const [requestLine = '', ...lines] = text.split('\r\n')
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    }),
  )
  const key = /^GET \/[^/]+\/([^\s?]+)/.exec(requestLine)?.[1] ?? ''
  const [, first = 0, last = 0] = /bytes=(\d+)-(\d+)/.exec(headers.get('range') ?? '') ?? []
  return { key, from: Number(first), to: Number(last) + 1, headers }
}
