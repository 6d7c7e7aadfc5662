/** One event of a stream (HTML, 9.2 "Server-sent events"); data is JSON on one line. */
export interface ServerSentEvent {
  readonly event?: string
  readonly id?: string
  readonly data: unknown
}

export function encodeEvent({ event, id, data }: ServerSentEvent): Uint8Array {
  const lines = [
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    `data: ${JSON.stringify(data)}`,
  ]
  return Buffer.from(`${lines.join('\n')}\n\n`)
}
