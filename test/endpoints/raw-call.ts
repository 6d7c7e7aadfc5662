import { once } from 'node:events'
import { connect } from 'node:net'

/** Sends bytes as they are and gives back all that came, once the server has closed. */
export async function rawCall(url: string, ...parts: readonly (string | Uint8Array)[]) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  // The server may close while we still send.
  socket.on('error', () => {})
  for (const part of parts) socket.write(part)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}
