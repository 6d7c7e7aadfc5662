import type { ObjectStore } from '#shared/batch/object-store.ts'
import { writeRefusal } from '#shared/batch/write-refusal.ts'
import type { ServiceError } from '#shared/errors/service-error.ts'
import type { Logger } from '#shared/observability/logger.ts'

export interface RefusalOptions {
  readonly objects: Pick<ObjectStore, 'put'>
  readonly logger: Pick<Logger, 'warn'>
}

/** Tells of an object under `incoming/` that cannot become a job: its owner, and the log. */
export const tellRefusal =
  ({ objects, logger }: RefusalOptions) =>
  async (location: string, error: ServiceError): Promise<void> => {
    const { code, message } = error
    logger.warn('an input was refused', { location, code, detail: message })
    // Beside a name that no key can have, none can lie either; and others must not wait for this.
    await writeRefusal(location, error, objects).catch((cause) =>
      logger.warn('a refusal could not be written', { location, cause }),
    )
  }
