import { ServiceError } from '#shared/errors/service-error.ts'

/** The error of an image that cannot be decoded, with the reason as a sentence. */
export const unreadable = (detail: string, cause?: unknown): ServiceError =>
  new ServiceError('image_unreadable', { detail, cause })
