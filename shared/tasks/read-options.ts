import { ServiceError } from '#shared/errors/service-error.ts'
import { type Field, readFields } from './read-fields.ts'
import type { TaskModel } from './task.ts'

/** What was read once, by table: rows of a batch ask a million times. */
const known = new WeakMap<object, WeakMap<TaskModel, unknown>>()

/**
 * The options of a model, checked against the task's table. `files`, which every task may have, is
 * the catalogue's business and is left out.
 * @throws ServiceError `configuration_invalid`
 */
export function readOptions<const F extends Readonly<Record<string, Field>>>(
  model: TaskModel,
  fields: F,
): ReturnType<typeof readFields<F>> {
  const ofTable = known.get(fields) ?? new WeakMap<TaskModel, unknown>()
  known.set(fields, ofTable)
  const before = ofTable.get(model)
  if (before) return before as ReturnType<typeof readFields<F>>
  const { files: _, ...own } = model.options
  const options = readFields(
    own,
    fields,
    (sentence) =>
      new ServiceError('configuration_invalid', {
        detail: `Model ${model.name}: option ${sentence}`,
      }),
  )
  ofTable.set(model, options)
  return options
}
