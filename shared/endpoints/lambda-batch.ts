import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { type Environment, readEnvironment } from '#shared/config/environment.ts'
import type { BatchActionServices } from './batch-actions.ts'
import { lambdaServices } from './lambda-services.ts'
import { openBatch } from './open-batch.ts'

export interface LambdaBatch extends BatchActionServices {
  readonly batch: PublishingServices
  readonly environment: Environment
}

/** The gateway ends an answer after 30 s; whoever watches a job asks again. */
const eventsMs = 20_000

/** The services of a Lambda environment that has to do with batches. */
export async function lambdaBatch(): Promise<LambdaBatch> {
  const services = lambdaServices()
  const environment = readEnvironment()
  return { ...services, environment, eventsMs, batch: await openBatch(environment, services) }
}
