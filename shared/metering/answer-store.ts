/** Where bodies of answers lie that are too large for the ledger. Nothing in it ever changes. */
export interface AnswerStore {
  /**
   * Safely stored when it resolves. A name stands for these bytes: under one that exists already
   * nothing is written.
   */
  put(name: string, body: Uint8Array): Promise<void>
  /** `undefined` where there is nothing under this name (any more). */
  get(name: string): Promise<Uint8Array | undefined>
  /** Does nothing where there is nothing. */
  remove(name: string): Promise<void>
}
