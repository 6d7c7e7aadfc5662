import { ServiceError } from '#shared/errors/service-error.ts'

/** A full disk, a lock held too long, a damaged file: to callers they are all one thing. */
export function storeFailed(cause: unknown): never {
  throw cause instanceof ServiceError ? cause : new ServiceError('store_unavailable', { cause })
}

/** Does what asks a database. @throws ServiceError its own, else `store_unavailable` */
export function guard<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (cause) {
    return storeFailed(cause)
  }
}
