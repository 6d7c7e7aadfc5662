import type { ServiceError } from '#shared/errors/service-error.ts'
import type { Logger } from '#shared/observability/logger.ts'

/** Tells of an object under `incoming/` that cannot become a job. */
export const logRefusal =
  (logger: Pick<Logger, 'warn'>) =>
  (location: string, { code, message }: ServiceError): void =>
    logger.warn('an input was refused', { location, code, detail: message })
