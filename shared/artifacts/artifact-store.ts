/** A model file as its manifest names it. */
export interface ArtifactRef {
  /** Where it lies in the store, e.g. `iris/1/model.int8.onnx`. */
  readonly key: string
  /** Lower-case hex SHA-256 of the whole file. */
  readonly sha256: string
  readonly bytes: number
  /**
   * SHA-256 of each consecutive piece of `bytes` bytes (the last may be shorter). Large files carry
   * them so that each range is verified while the others still arrive.
   */
  readonly pieces?: { readonly bytes: number; readonly sha256: readonly string[] } | undefined
  /** Where it comes from: `npm:name@1.2.3/path`, or words for a person. */
  readonly source?: string | undefined
}

export interface FetchOptions {
  /** Gives up; the fetch then rejects with the signal's reason. */
  signal?: AbortSignal | undefined
  onProgress?: ((progress: FetchProgress) => void) | undefined
}

export interface FetchProgress {
  readonly receivedBytes: number
  readonly totalBytes: number
}

/** Where model files come from. */
export interface ArtifactStore {
  /** For messages: `directory …` or `s3://bucket/prefix`. */
  readonly location: string
  /**
   * The bytes of the file, whole and verified: they are handed out only if they match `ref`.
   * Callers may share one array: read it, never write into it.
   * @throws ServiceError `artifact_not_found`, `artifact_access_denied`, `artifact_truncated`,
   * `artifact_digest_mismatch`, `artifact_unavailable`, `artifact_timed_out`
   */
  fetch(ref: ArtifactRef, options?: FetchOptions): Promise<Uint8Array<ArrayBuffer>>
  /** Stores bytes under a key, atomically. Publishing the same bytes again changes nothing. */
  publish(key: string, bytes: Uint8Array): Promise<void>
  /** All stored files whose key starts with `prefix`, in key order. */
  list(prefix?: string): AsyncIterable<{ key: string; bytes: number }>
  /** Whether a file of this key and size is there. */
  has(ref: Pick<ArtifactRef, 'key' | 'bytes'>): Promise<boolean>
}
