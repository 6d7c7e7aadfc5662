import { createHmac } from 'node:crypto'

/** The secrets under which keys are hashed. */
export interface Peppers {
  /** Of all keys that are made now. */
  readonly pepper: string
  /** The one before: keys that were made with it go on working. */
  readonly oldPepper?: string | undefined
}

/** A name for a pepper that tells nothing about it: by it a key remembers which one it needs. */
export const pepperId = (pepper: string): string =>
  createHmac('sha256', pepper).update('percall pepper id').digest('hex').slice(0, 8)
