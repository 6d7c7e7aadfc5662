import { type ErrorCode, errorCodes } from './error-codes.ts'

export interface ServiceErrorOptions {
  /** What was wrong in this very call. Public: it never repeats input values or names secrets. */
  detail?: string
  /** The model concerned, where there is one. */
  model?: string
  /** How to mend it, where something better than the table's sentence can be said. */
  fix?: string
  retryAfterSeconds?: number
  /** The member of the request that is to blame, for protocols that name it apart. */
  param?: string
  /** What lies behind it. Goes to the log, never to the caller. */
  cause?: unknown
}

/** The one error class. Anything else that is thrown reaches the caller as `internal`. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly status: number
  readonly retryable: boolean
  readonly title: string
  readonly fix: string
  readonly detail: string | undefined
  readonly model: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly param: string | undefined

  constructor(code: ErrorCode, options: ServiceErrorOptions = {}) {
    const { status, retryable, title, fix } = errorCodes[code]
    super(options.detail ?? title, { cause: options.cause })
    this.code = code
    this.status = status
    this.retryable = retryable
    this.title = title
    this.fix = options.fix ?? fix
    this.detail = options.detail
    this.model = options.model
    this.retryAfterSeconds = options.retryAfterSeconds
    this.param = options.param
  }

  /** Anything thrown, as a ServiceError; what is not one already becomes `internal`. */
  static from(thrown: unknown): ServiceError {
    return thrown instanceof ServiceError ? thrown : new ServiceError('internal', { cause: thrown })
  }
}
