import { ServiceError } from '#shared/errors/service-error.ts'
import type { Caller } from './caller.ts'

/**
 * @param model its name, without a version
 * @throws ServiceError `model_not_allowed` where the key has a list of models without this one
 */
export function requireModel({ models }: Pick<Caller, 'models'>, model: string): void {
  if (models && !models.includes(model)) throw new ServiceError('model_not_allowed')
}
