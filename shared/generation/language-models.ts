import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { LanguageModel } from './complete.ts'

/** The models that write, each opened when it is first asked for. */
export interface LanguageModels {
  /** @throws ServiceError of fetching and loading; the next caller tries again */
  find(entry: ModelEntry): Promise<LanguageModel>
  close(): Promise<void>
}

/** Whether a model belongs here: what it answers is written, token by token. */
export const writesText = ({ manifest }: ModelEntry): boolean =>
  manifest.task.name === 'text-generation'

export function createLanguageModels(
  open: (entry: ModelEntry) => Promise<LanguageModel>,
): LanguageModels {
  const models = new Map<string, Promise<LanguageModel>>()
  return {
    find(entry) {
      const key = modelKey(entry)
      const known = models.get(key)
      if (known) return known
      const opening = open(entry)
      models.set(key, opening)
      opening.catch(() => models.delete(key))
      return opening
    },
    async close() {
      const opened = await Promise.allSettled(models.values())
      await Promise.all(
        opened.map((one) => (one.status === 'fulfilled' ? one.value.generator.close() : undefined)),
      )
    },
  }
}
