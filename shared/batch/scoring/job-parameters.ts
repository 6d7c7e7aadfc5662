import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import type { Task } from '#shared/tasks/task.ts'

/** What a job's parameters come to: those of the task, and the field that holds the input. */
export interface JobParameters {
  readonly task: Task
  readonly column: string | undefined
  readonly parameters: Readonly<Record<string, unknown>>
}

/**
 * Checks the parameters of a job, which are wrong for the job and not for every record of it.
 * @throws ServiceError `parameter_invalid`
 */
export async function readJobParameters(
  entry: ModelEntry,
  { column, ...parameters }: Readonly<Record<string, unknown>>,
): Promise<JobParameters> {
  if (column !== undefined && typeof column !== 'string') {
    throw new ServiceError('parameter_invalid', { detail: 'Parameter "column" must be a name.' })
  }
  const task = await findTask(entry.manifest.task.name)
  const model = taskModelOf(entry)
  await task.prepare(task.rows(entry.sample.inputs, model).rows.slice(0, 1), parameters, model)
  return { task, column, parameters }
}
