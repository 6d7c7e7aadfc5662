import type { PutOptions, PutOutcome } from './object-store.ts'

/**
 * Objects that are made piece by piece, over any number of processes: nobody sees one before it is
 * finished. What nobody finishes is removed, a day later at the soonest.
 */
export interface ObjectDrafts {
  /** Of every piece but the last, which may be smaller. */
  readonly pieceBytes: number
  begin(key: string): Promise<ObjectDraft>
  /** Stores the piece of that index, from 0; again is no error. `gone`: somebody has finished or abandoned it. */
  addPiece(draft: ObjectDraft, index: number, bytes: Uint8Array): Promise<'added' | 'gone'>
  /** Shows the object: so many pieces, one behind the other. */
  finish(
    draft: ObjectDraft,
    pieces: number,
    options?: PutOptions,
  ): Promise<PutOutcome | { readonly kind: 'gone' }>
  /** Of one that is gone already, no error. */
  abandon(draft: ObjectDraft): Promise<void>
}

/** By which whoever comes next goes on. */
export interface ObjectDraft {
  readonly key: string
  /** Opaque. */
  readonly id: string
}
