import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { ServiceError } from '#shared/errors/service-error.ts'
import type { Model } from '#shared/inference/model.ts'

/**
 * How a whole call, as a client would send it to a route, is read and answered. The dialects stand
 * above this room; whoever starts the process brings them.
 */
export interface CallDialect {
  /** Reads the body of a call. @throws ServiceError what is wrong with it */
  read(body: unknown, target: CallTarget): Promise<ReadCall>
  /** What the dialect says of an error. Nothing in it may depend on time, chance or machine. */
  refuse(error: ServiceError, target: CallTarget): CallAnswer
}

export interface CallTarget {
  /** The path, `/v1/models/spam/predict`. */
  readonly url: string
  readonly entry: ModelEntry
}

export interface ReadCall {
  /** What it is charged for. */
  readonly rows: number
  /** Runs the model. @throws ServiceError */
  answer(model: Model): Promise<CallAnswer>
}

export interface CallAnswer {
  readonly statusCode: number
  /** The body: whole numbers beyond 2^53 would not survive being read again. */
  readonly json: string
}
