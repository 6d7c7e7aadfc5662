import type { HttpResponse } from '#shared/protocols/http-message.ts'

/** What belongs to the run of a call and not to its answer. */
const dropped: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'idempotency-replayed',
  'server-timing',
  'x-request-id',
])

/** An answer in the object store: a line of JSON with status and headers, then the very body. */
export const storedAnswer = {
  write({ status, headers, body }: HttpResponse): Uint8Array {
    const kept = Object.entries(headers).filter(([name]) => !dropped.has(name))
    const head = `${JSON.stringify({ status, headers: Object.fromEntries(kept) })}\n`
    return Buffer.concat([Buffer.from(head), typeof body === 'string' ? Buffer.from(body) : body])
  },

  read(bytes: Buffer): HttpResponse {
    const end = bytes.indexOf(0x0a)
    const { status, headers } = JSON.parse(bytes.toString('utf8', 0, end))
    return { status, headers, body: bytes.subarray(end + 1) }
  },
}
