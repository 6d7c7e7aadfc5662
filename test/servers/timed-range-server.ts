import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { join, normalize } from 'node:path'

export interface TimedRangeServerOptions {
  /** Path style: `/{any bucket}/{key}` is the file `{directory}/{key}`. */
  directory: string
  /** From the request to the first byte of the answer. */
  firstByteMs?: number
  /** Of one connection. */
  bytesPerSecond?: number
}

/**
 * A simulated S3 for measuring: ranged and whole GETs over plain HTTP, with the delay and the rate
 * per connection that S3 shows. It checks no signature. Files are read into memory when first asked.
 */
export async function startTimedRangeServer({
  directory,
  firstByteMs = 25,
  bytesPerSecond = 85e6,
}: TimedRangeServerOptions) {
  const files = new Map<string, Buffer>()
  const read = (key: string) => {
    const file = files.get(key) ?? readFileSync(join(directory, normalize(`/${key}`)))
    files.set(key, file)
    return file
  }

  const listener = createServer((request, response) => {
    const [, , ...segments] = new URL(request.url ?? '/', 'http://localhost').pathname.split('/')
    const file = read(segments.map(decodeURIComponent).join('/'))
    const [, first, last] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
    const from = Number(first ?? 0)
    const to = last ? Math.min(Number(last) + 1, file.length) : file.length
    response.writeHead(first === undefined ? 200 : 206, {
      'content-length': to - from,
      etag: '"timed"',
      ...(first !== undefined && { 'content-range': `bytes ${from}-${to - 1}/${file.length}` }),
    })
    setTimeout(() => pace(response, file.subarray(from, to), bytesPerSecond), firstByteMs)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const address = listener.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const stop = async () => {
    listener.closeAllConnections()
    listener.close()
    await once(listener, 'close')
  }
  return { endpoint: `http://127.0.0.1:${port}`, stop }
}

/** As many bytes as are due by the clock, once a millisecond, never more than the socket takes. */
function pace(response: ServerResponse, body: Buffer, bytesPerSecond: number) {
  const startedAt = performance.now()
  let sent = 0
  const tick = () => {
    const due = Math.ceil(((performance.now() - startedAt) / 1000) * bytesPerSecond)
    const end = Math.min(body.length, Math.max(sent, due))
    const flows = end === sent || response.write(body.subarray(sent, end))
    sent = end
    if (sent === body.length) response.end()
    else if (response.destroyed) return
    else if (flows) setTimeout(tick, 1)
    else response.once('drain', tick)
  }
  tick()
}

// As a process of its own: node timed-range-server.ts <directory> [first byte ms] [MB/s]
if (import.meta.main) {
  const [, , directory = '.', firstByteMs = 25, megabytesPerSecond = 85] = process.argv
  const { endpoint } = await startTimedRangeServer({
    directory,
    firstByteMs: Number(firstByteMs),
    bytesPerSecond: Number(megabytesPerSecond) * 1e6,
  })
  console.log(JSON.stringify({ endpoint }))
}
