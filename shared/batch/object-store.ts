import type { ObjectDrafts } from './object-drafts.ts'

/**
 * Where inputs lie and outputs appear: S3 on AWS, a directory on one machine. Every driver passes one
 * contract suite. Keys are relative, with `/`; nobody ever sees half an object.
 *
 * Every method throws ServiceError `store_unavailable` when the store does not answer as it should.
 */
export interface ObjectStore extends ObjectDrafts {
  /** The newest version, or `undefined` where there is none. */
  head(key: string): Promise<StoredObject | undefined>
  /**
   * The bytes of exactly this version, from `start` up to `end` (excluded).
   * @throws ServiceError `object_gone` once it was deleted or overwritten, also in the middle; a
   * store that keeps old versions still gives it. Bytes of another version never come
   */
  read(object: StoredObject, range?: ByteRange, options?: ReadOptions): AsyncIterable<Uint8Array>
  /** Stores bytes whole. With `ifAbsent`, an object of that key is left as it is. */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<PutOutcome>
  /** Stores a stream of any length; visible at its end, whole. Nothing stays where it fails. */
  write(key: string, bytes: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<PutOutcome>
  /** Objects whose key begins with `prefix`, in order of their keys (bytes), after `after`. */
  list(prefix: string, options: { after?: string | undefined; limit: number }): Promise<ObjectPage>
  /** Removing what is not there is no error. */
  remove(key: string): Promise<void>
  /** A URL under which anybody may read this version for a while, where the store can be reached by all. */
  signedUrl?(object: StoredObject, options: SignedUrlOptions): Promise<string>
  /**
   * Tells of keys below `prefix/` that may have changed since, where the store can; it may miss some.
   * @returns what stops it
   */
  watch?(prefix: string, onChange: (key: string) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

/** One version of an object. */
export interface StoredObject {
  readonly key: string
  /** Opaque: S3's version id or etag, a file's identity, size and time. */
  readonly version: string
  readonly sizeBytes: number
  /** Epoch milliseconds, by the clock and as exactly as the store says it. */
  readonly modifiedAt: number
}

/** Bytes `start` to `end`, `end` excluded. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface ReadOptions {
  /** A piece need not stay as it is once the next one is asked for: its memory may be used again. */
  readonly lent?: boolean
}

export interface PutOptions {
  readonly ifAbsent?: boolean
}

export interface SignedUrlOptions {
  readonly seconds: number
  /** What the answer says of the bytes. */
  readonly mediaType: string
  readonly fileName: string
}

export type PutOutcome =
  | { readonly kind: 'written'; readonly object: StoredObject }
  | { readonly kind: 'exists' }

export interface ObjectPage {
  readonly objects: readonly StoredObject[]
  /** Where the next page begins; absent on the last. */
  readonly next?: string | undefined
}
