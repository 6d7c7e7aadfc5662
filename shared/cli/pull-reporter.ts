import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FetchProgress } from '#shared/artifacts/artifact-store.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { Environment } from '#shared/config/environment.ts'
import { modelKey } from '#shared/inference/model.ts'
import { formatBytes } from './format-bytes.ts'
import type { ProgressLine } from './progress-line.ts'
import { errorColors } from './terminal.ts'

/**
 * Says when a model's file is pulled from the store: a bar while it arrives, one line at the end.
 * A file that the cache has already is not pulled, and nothing is said of it.
 */
export function pullReporter({ PERCALL_HOME }: Environment, line: ProgressLine) {
  const pulling = new Set<string>()
  const silent = new Set<string>()
  return (entry: ModelEntry, { receivedBytes, totalBytes }: FetchProgress): void => {
    const { sha256 } = entry.manifest.artifact
    // The cache takes a file over once it is whole: what is there at the start came from there.
    if (!pulling.has(sha256) && existsSync(join(PERCALL_HOME, 'cache', sha256))) silent.add(sha256)
    if (silent.has(sha256)) return
    pulling.add(sha256)
    line.update(`pulling ${modelKey(entry)}`, receivedBytes, totalBytes)
    if (receivedBytes < totalBytes) return
    silent.add(sha256)
    line.end(`${errorColors.green('↓')} pulled ${modelKey(entry)}, ${formatBytes(totalBytes)}`)
  }
}
