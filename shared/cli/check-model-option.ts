import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { KeyLimitOptions } from './key-limit-options.ts'

/** A key for a model that is not there would never work. @throws ServiceError `model_not_found` */
export async function checkModelOption(
  environment: Environment,
  { model = [] }: KeyLimitOptions,
): Promise<void> {
  if (model.length === 0) return
  const { readCatalog } = await import('./read-catalog.ts')
  const names = readCatalog(environment)
    .list()
    .map(({ manifest }) => manifest.name)
  const unknown = model.find((name) => !names.includes(name))
  if (unknown === undefined) return
  throw new ServiceError('model_not_found', {
    detail: `There is no model ${JSON.stringify(unknown)}.`,
    fix: `The models, named without a version: ${names.join(', ')}.`,
  })
}
