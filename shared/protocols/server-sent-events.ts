/**
 * One event of a stream (HTML, 9.2 "Server-sent events"); data is JSON on one line. It has no name,
 * so that `onmessage` hears it.
 */
export interface ServerSentEvent {
  /** Comes back as Last-Event-ID when the reader asks again. */
  readonly id: string
  readonly data: unknown
}

/** An event of data alone, in streams that nobody takes up again where they broke off. */
export const encodeData = (json: string): Uint8Array => Buffer.from(`data: ${json}\n\n`)

export const encodeEvent = ({ id, data }: ServerSentEvent): Uint8Array =>
  Buffer.from(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`)
