import { connect } from 'node:net'

export interface RepeatCallOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Whether to send one more. */
  readonly next: () => boolean
}

/**
 * Sends the same POST over one kept-alive connection, each after the whole answer to the one before,
 * and checks every answer. Plain sockets: what `node:http` does for a caller would take a third of
 * the CPU time that the host takes, on the same CPUs.
 *
 * @throws Error for an answer that is no success, or that does not tell its price
 */
export function repeatCall({ url, headers, body, next }: RepeatCallOptions): Promise<void> {
  const { hostname, port, host, pathname } = new URL(url)
  const lines = Object.entries({ host, ...headers, 'content-length': Buffer.byteLength(body) })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const message = Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head}\r\n${body}`)

  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    let received = ''
    const send = () => {
      if (next()) socket.write(message)
      else socket.end()
    }
    const check = (text: string) => {
      received += text
      const end = received.indexOf('\r\n\r\n') + 4
      const length = Number(/\ncontent-length: (\d+)\r/i.exec(received)?.[1] ?? 0)
      if (end < 4 || received.length < end + length) return
      const isSold = /^HTTP\/1\.1 200 /.test(received) && /\nx-cost-units: \d/i.test(received)
      if (!isSold || length === 0 || received.length > end + length) {
        socket.destroy(new Error(`The host answered ${received.split('\r\n', 1)}.`))
      }
      received = ''
      send()
    }
    // Latin-1, so that a character is a byte.
    socket.setEncoding('latin1').on('data', check)
    socket.once('connect', send).once('error', reject).once('close', resolve)
  })
}
