import { ServiceError } from '#shared/errors/service-error.ts'

/** Whether a store did not answer as it should: what it did is then unknown. */
export const isUnavailable = (thrown: unknown): thrown is ServiceError =>
  thrown instanceof ServiceError && thrown.code === 'store_unavailable'
