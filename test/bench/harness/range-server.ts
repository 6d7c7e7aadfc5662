import { resolve } from 'node:path'
import { serveNode } from './node-process.ts'

const file = resolve(import.meta.dirname, '../processes/range-server.ts')

/** The simulated S3 in a process of its own: first byte after 25 ms, 85 MB/s a connection. */
export async function startRangeServer(directory: string) {
  const { told, stop } = await serveNode<{ endpoint: string }>({ file, args: [directory] })
  return { endpoint: told.endpoint, stop }
}
