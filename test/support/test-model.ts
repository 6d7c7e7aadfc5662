import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'

/** A manifest that says no more than it must: four numbers in, two labels out. */
export const plainManifest = {
  name: 'plain',
  version: '1',
  description: 'A model of tests.',
  licence: 'Apache-2.0',
  task: { name: 'tabular-classification' },
  artifact: { key: 'plain/1/model.onnx', sha256: 'a'.repeat(64), bytes: 1, dtype: 'float32' },
  inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 4] }],
  outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 2] }],
  price: 'per-call',
  function: { memoryMB: 512, timeoutSeconds: 10 },
}

/** The entry of a model of tests. @param changes members of its manifest */
export function testEntry(
  changes: Readonly<Record<string, unknown>> = {},
  others: Partial<ModelEntry> = {},
): ModelEntry {
  return {
    manifest: parseManifest({ ...plainManifest, ...changes }, 'manifest.json'),
    labels: ['no', 'yes'],
    files: {},
    sample: { inputs: [1, 2, 3, 4] },
    expected: { outputs: [], metric: 'max-absolute-difference', tolerance: 1e-6 },
    folder: 'plain',
    ...others,
  }
}
