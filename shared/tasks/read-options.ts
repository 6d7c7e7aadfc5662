import { ServiceError } from '#shared/errors/service-error.ts'
import { type Field, readFields } from './read-fields.ts'
import type { TaskModel } from './task.ts'

/**
 * The options of a model, checked against the task's table. `files`, which every task may have, is
 * the catalogue's business and is left out.
 * @throws ServiceError `configuration_invalid`
 */
export function readOptions<const F extends Readonly<Record<string, Field>>>(
  { name, options }: TaskModel,
  fields: F,
) {
  const { files: _, ...own } = options
  return readFields(
    own,
    fields,
    (sentence) =>
      new ServiceError('configuration_invalid', { detail: `Model ${name}: option ${sentence}` }),
  )
}
