import { ServiceError } from '#shared/errors/service-error.ts'
import type { Task } from './task.ts'

/** Every task, loaded when it is first asked for: a tabular function never reads image code. */
const tasks = new Map<string, () => Promise<Task>>([
  [
    'text-classification',
    async () => (await import('./text-classification.ts')).textClassification,
  ],
  [
    'tabular-classification',
    async () => (await import('./tabular-classification.ts')).tabularClassification,
  ],
  [
    'image-classification',
    async () => (await import('./image-classification.ts')).imageClassification,
  ],
  ['object-detection', async () => (await import('./object-detection.ts')).objectDetection],
  ['image-to-text', async () => (await import('./image-to-text.ts')).imageToText],
])

/** What was asked for once: an `import()` costs 17 µs each time, a third of a small model's call. */
const loaded = new Map<string, Promise<Task>>()

/**
 * The task of this name.
 * @throws ServiceError `input_invalid` of a model that writes (`shared/generation`), `configuration_invalid`
 */
export async function findTask(name: string): Promise<Task> {
  const known = loaded.get(name)
  if (known) return known
  if (name === 'text-generation') {
    throw (await import('./writing-has-no-task.ts')).writingHasNoTask()
  }
  const load = tasks.get(name)
  if (!load) {
    throw new ServiceError('configuration_invalid', {
      detail: `There is no task "${name}"; tasks are ${[...tasks.keys()].join(', ')}.`,
    })
  }
  const task = load()
  loaded.set(name, task)
  return task
}
