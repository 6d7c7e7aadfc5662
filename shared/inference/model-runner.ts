import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { InferRequest, InferResult, Prediction, PredictRequest } from './model.ts'

export interface CallOptions {
  /**
   * Its caller has gone: a call that still waits for a worker is not run any more. Where its reason is
   * a `ServiceError`, the call is called off: it fails with that, and its run is ended, too, where
   * that can be done.
   */
  readonly signal?: AbortSignal | undefined
}

/**
 * Where models run: in the calling thread (a Lambda environment serves one request at a time) or
 * in workers (a host that serves several). Models are loaded at their first use.
 */
export interface ModelRunner {
  /** @throws ServiceError of loading or running, `deadline_exceeded`, `overloaded` */
  predict(entry: ModelEntry, request: PredictRequest, options?: CallOptions): Promise<Prediction>
  /** @throws ServiceError of loading or running, `deadline_exceeded`, `overloaded` */
  infer(entry: ModelEntry, request: InferRequest, options?: CallOptions): Promise<InferResult>
  /** Loads the model, so that the first call need not wait. */
  load(entry: ModelEntry): Promise<void>
  /** Resolves once the model is loaded and its golden sample has passed here. */
  ready(entry: ModelEntry): Promise<void>
  close(): Promise<void>
}

/** The bytes of a model's file, whole and verified. */
export type ReadArtifact = (entry: ModelEntry) => Promise<Uint8Array<ArrayBuffer>>
