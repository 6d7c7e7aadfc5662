import type { ModelEntry } from '#shared/catalog/model-entry.ts'

/** Whether a model's file lies in the repository. Larger ones are pulled or made, and have tests of their own. */
export const isCommitted = ({ manifest }: Pick<ModelEntry, 'manifest'>): boolean =>
  manifest.artifact.file !== undefined
