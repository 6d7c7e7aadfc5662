import { basename } from 'node:path'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { PackageFiles } from './package-files.ts'

/**
 * What a function carries of models: their descriptions, with every default filled in, so that a
 * cold start reads them as they are. The model files themselves are not among them; they come from
 * the artifact store.
 */
export function modelFiles(entries: readonly ModelEntry[]): PackageFiles {
  const files: Record<string, Uint8Array> = {}
  for (const { manifest, labels, sample, expected, folder, files: further } of entries) {
    const documents = {
      ...further,
      'manifest.json': manifest,
      ...(labels.length > 0 && { 'labels.json': labels }),
      'sample.json': sample,
      'expected.json': expected,
    }
    for (const [name, content] of Object.entries(documents)) {
      files[`models/${basename(folder)}/${name}`] = Buffer.from(JSON.stringify(content))
    }
  }
  return files
}
