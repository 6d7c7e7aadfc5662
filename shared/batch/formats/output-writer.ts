/** Turns what comes in order into the bytes of a file, some at a time. */
export interface OutputWriter<Item, State> {
  /** What is complete. Its memory may be used again by the next call. */
  add(items: Iterable<Item>): Uint8Array
  /** The rest. */
  end(): Uint8Array
  /** From which another one, in another process, goes on; as `v8.serialize` takes it. */
  state(): State
}
