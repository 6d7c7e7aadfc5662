import type { PublishingServices } from '#shared/batch/publish-job.ts'
import type { Environment } from '#shared/config/environment.ts'
import { localServices } from '#shared/endpoints/local-services.ts'

/** Does something with the stores of batches, of this machine or as the environment names them. */
export async function withBatch<Result>(
  environment: Environment,
  use: (batch: PublishingServices) => Promise<Result>,
): Promise<Result> {
  const services = await localServices({ environment, runner: 'inline' })
  try {
    return await use(services.batch)
  } finally {
    await services.close()
  }
}
