/** A stream of bytes that takes back what was read too far. */
export interface ByteSource {
  /** `undefined` at the end. */
  next(): Promise<Uint8Array | undefined>
  /** Gives these bytes back: they come next. */
  unread(bytes: Uint8Array): void
  close(): Promise<void>
}

export function byteSource(bytes: AsyncIterable<Uint8Array>): ByteSource {
  const iterator = bytes[Symbol.asyncIterator]()
  const unread: Uint8Array[] = []
  return {
    next: async () => unread.pop() ?? (await iterator.next()).value,
    unread: (block) => {
      if (block.length > 0) unread.push(block)
    },
    close: async () => {
      await iterator.return?.()
    },
  }
}
