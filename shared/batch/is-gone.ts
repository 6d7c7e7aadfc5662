import { ServiceError } from '#shared/errors/service-error.ts'

/** Whether an object was deleted or overwritten before all of it was read. */
export const isGone = (thrown: unknown): thrown is ServiceError =>
  thrown instanceof ServiceError && thrown.code === 'object_gone'
