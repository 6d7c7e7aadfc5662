import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { ErrorCode } from '#shared/errors/error-codes.ts'
import { ServiceError, type ServiceErrorOptions } from '#shared/errors/service-error.ts'
import type { InferRequest, PredictRequest } from './model.ts'

/** One call of a model, as it travels to a worker. */
export type Work =
  | { readonly kind: 'predict'; readonly request: PredictRequest }
  | { readonly kind: 'infer'; readonly request: InferRequest }
  | { readonly kind: 'load' }
  | { readonly kind: 'ready' }

export type ToWorker =
  /** Sent once before the first call of a model. */
  | { readonly type: 'model'; readonly key: string; readonly entry: ModelEntry }
  | { readonly type: 'call'; readonly id: number; readonly key: string; readonly work: Work }
  /** The answer to `fetch`. */
  | { readonly type: 'bytes'; readonly key: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'no-bytes'; readonly key: string; readonly error: PortableError }

export type FromWorker =
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly error: PortableError }
  /** The worker needs the bytes of a model's file. */
  | { readonly type: 'fetch'; readonly key: string }

/** A ServiceError as plain data: classes do not survive the way between threads. */
export interface PortableError {
  readonly code: ErrorCode
  readonly options: Omit<ServiceErrorOptions, 'cause'>
  /** The stack of the cause, for the log. */
  readonly cause: string | undefined
}

export function portableError(thrown: unknown): PortableError {
  const { code, detail, model, fix, retryAfterSeconds, cause } = ServiceError.from(thrown)
  return {
    code,
    options: {
      fix,
      ...(detail !== undefined && { detail }),
      ...(model !== undefined && { model }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    },
    cause: cause instanceof Error ? cause.stack : cause === undefined ? undefined : String(cause),
  }
}

export function revivedError({ code, options, cause }: PortableError): ServiceError {
  return new ServiceError(code, { ...options, cause })
}
