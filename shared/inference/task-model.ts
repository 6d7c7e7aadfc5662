import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { TaskModel } from '#shared/tasks/task.ts'

/** What a task gets to know of a model. */
export function taskModelOf({ manifest, labels, files }: ModelEntry): TaskModel {
  return {
    name: manifest.name,
    options: manifest.task.options,
    labels,
    files,
    inputs: manifest.inputs,
    outputs: manifest.outputs,
    limits: manifest.limits,
  }
}
