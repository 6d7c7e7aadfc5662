import { connect } from 'node:net'

/**
 * The floor of a download: a file in 8 ranges of equal size over bare sockets into one array.
 * It trusts every answer.
 */
export async function rawDownload(url: URL, sizeBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeBytes)
  const border = (index: number) => Math.round((sizeBytes * index) / 8)
  const range = (_: unknown, index: number) =>
    fetchInto(bytes.subarray(border(index), border(index + 1)), url, border(index))
  await Promise.all(Array.from({ length: 8 }, range))
  return bytes
}

function fetchInto(into: Uint8Array, url: URL, from: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const head = Buffer.alloc(1024)
  let headBytes = 0
  let filled = -1
  const socket = connect({
    host: url.hostname,
    port: Number(url.port),
    onread: {
      buffer: () => (filled < 0 ? head.subarray(headBytes) : into.subarray(filled)),
      callback(count) {
        if (filled >= 0) filled += count
        else {
          headBytes += count
          const end = head.indexOf('\r\n\r\n') + 4
          if (end > 3) {
            into.set(head.subarray(end, headBytes))
            filled = headBytes - end
          }
        }
        if (filled === into.length) {
          socket.destroy()
          resolve()
        }
        return true
      },
    },
  })
  socket.on('error', reject)
  const last = from + into.length - 1
  socket.write(
    `GET ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\nrange: bytes=${from}-${last}\r\nconnection: close\r\n\r\n`,
  )
  return promise
}
