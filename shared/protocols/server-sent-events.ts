/**
 * One event of a stream (HTML, 9.2 "Server-sent events"); data is JSON on one line. It has no name,
 * so that `onmessage` hears it.
 */
export interface ServerSentEvent {
  /** Comes back as Last-Event-ID when the reader asks again. */
  readonly id: string
  readonly data: unknown
}

export const encodeEvent = ({ id, data }: ServerSentEvent): Uint8Array =>
  Buffer.from(`id: ${id}\ndata: ${JSON.stringify(data)}\n\n`)
