import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import type { PredictRequest } from './model.ts'
import { refuseTooManyRows } from './refuse-too-many-rows.ts'
import { taskModelOf } from './task-model.ts'

/**
 * Refuses a call that would be refused when it runs, as far as can be told without the model's file
 * and without decoding images: for calls that run later.
 * @throws ServiceError `input_invalid`, `parameter_invalid`, `too_many_rows`, `image_…`
 */
export async function checkRequest(
  entry: ModelEntry,
  { inputs, parameters }: PredictRequest,
): Promise<void> {
  const { task: named, limits } = entry.manifest
  const [task, model] = [await findTask(named.name), taskModelOf(entry)]
  const { rows } = task.rows(inputs, model)
  refuseTooManyRows(rows.length, limits.rows)
  if (task.check) task.check(rows, parameters, model)
  else await task.prepare(rows, parameters, model)
}
