import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { ErrorCode } from '#shared/errors/error-codes.ts'
import { ServiceError, type ServiceErrorOptions } from '#shared/errors/service-error.ts'
import type { FilePiece } from './file-pieces.ts'
import type { ModelCall } from './run-together.ts'

/** One thing to do with a model, as it travels to a worker. */
export type Work = ModelCall | { readonly kind: 'load' } | { readonly kind: 'ready' }

export type ToWorker =
  /** Sent once, first: how many models it keeps loaded. */
  | { readonly type: 'begin'; readonly modelLimit: number }
  /** Sent once before the first run of a model. */
  | { readonly type: 'model'; readonly key: string; readonly entry: ModelEntry }
  /** What may share a run. A worker has one of these at a time. */
  | { readonly type: 'run'; readonly key: string; readonly works: readonly Work[] }
  /** The answer to `fetch`: the file from `at` on, in pieces that follow each other. */
  | ({ readonly type: 'bytes'; readonly key: string } & FilePiece)
  | { readonly type: 'no-bytes'; readonly key: string; readonly error: PortableError }

export type FromWorker =
  /** One for each work of the run, in their order. */
  | { readonly type: 'answers'; readonly answers: readonly Answer[] }
  /** The worker needs the bytes of a model's file. */
  | { readonly type: 'fetch'; readonly key: string }

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: PortableError }

/** A ServiceError as plain data: classes do not survive the way to another thread or process. */
export interface PortableError {
  readonly code: ErrorCode
  readonly options: Omit<ServiceErrorOptions, 'cause'>
  /** The stack of the cause, for the log. */
  readonly cause: string | undefined
}

export function portableError(thrown: unknown): PortableError {
  const { code, detail, model, fix, retryAfterSeconds, param, cause } = ServiceError.from(thrown)
  return {
    code,
    options: {
      fix,
      ...(detail !== undefined && { detail }),
      ...(model !== undefined && { model }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...(param !== undefined && { param }),
    },
    cause: cause instanceof Error ? cause.stack : cause === undefined ? undefined : String(cause),
  }
}

export function revivedError({ code, options, cause }: PortableError): ServiceError {
  return new ServiceError(code, { ...options, cause })
}
