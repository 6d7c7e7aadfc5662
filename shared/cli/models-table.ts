import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { formatBytes } from './format-bytes.ts'
import { formatTable } from './format-table.ts'

/** One row a model, for people. */
export function modelsTable(entries: readonly ModelEntry[]): string {
  return formatTable(
    ['model', 'version', 'task', 'size', 'what it does'],
    entries.map(({ manifest }) => [
      manifest.name,
      manifest.version,
      manifest.task.name,
      formatBytes(manifest.artifact.bytes),
      manifest.description,
    ]),
  )
}
