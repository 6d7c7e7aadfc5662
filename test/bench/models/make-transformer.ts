import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { repositoryRoot } from '#functions/packaging/function-folder.ts'
import { modelFiles } from '#functions/packaging/model-files.ts'
import { makePieces } from '#shared/artifacts/make-pieces.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { inlineRunner } from '#shared/inference/inline-runner.ts'
import { cacheFolder } from '../harness/cache-folder.ts'
import { writeFiles } from '../harness/write-files.ts'
import { shape, transformerModel } from './transformer-model.ts'

type Format = 'onnx' | 'ort'

export interface Transformer {
  /** The root of the store, with files under their keys. */
  readonly artifacts: string
  /** The same model in both formats. */
  readonly entries: Readonly<Record<Format, ModelEntry>>
  /** Folders of model folders, with one in each. */
  readonly modelFolders: Readonly<Record<Format, string>>
}

/** Makes the files of the model and works out what it answers to its sample. */
export async function makeTransformer(): Promise<Transformer> {
  const artifacts = cacheFolder('artifacts')
  mkdirSync(`${artifacts}/transformer/1`, { recursive: true })
  const pathOf = (format: string) => `${artifacts}/transformer/1/model.${format}`
  const onnx = new Uint8Array(transformerModel())
  writeFileSync(pathOf('onnx'), onnx)
  // Optimised for this very CPU, as a build for one kind of machine would be.
  const session = await InferenceSession.create(pathOf('onnx'), {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    optimizedModelFilePath: pathOf('ort'),
    extra: { session: { save_model_format: 'ORT' } },
  })
  await session.release()

  const draft = entryOf('onnx', onnx)
  const runner = inlineRunner({ readArtifact: async () => onnx, threads: 1 })
  const { outputs } = await runner.predict(draft, { ...draft.sample, parameters: {} })
  await runner.close()
  const expected = { ...draft.expected, outputs }
  const entries = {
    onnx: { ...draft, expected },
    ort: { ...entryOf('ort', readFileSync(pathOf('ort'))), expected },
  }
  const modelFolders = {
    onnx: writeModel('onnx', entries.onnx),
    ort: writeModel('ort', entries.ort),
  }
  return { artifacts, entries, modelFolders }
}

function writeModel(format: Format, entry: ModelEntry): string {
  const prices = readFileSync(join(repositoryRoot, 'models/price-book.json'))
  const files = { ...modelFiles([entry]), 'models/price-book.json': prices }
  return join(writeFiles(cacheFolder(`transformer-${format}`), files), 'models')
}

function entryOf(format: Format, bytes: Uint8Array): ModelEntry {
  const manifest = {
    name: 'transformer',
    version: '1',
    description: 'A text encoder with random weights.',
    licence: 'Apache-2.0',
    task: { name: 'tabular-classification' },
    artifact: {
      key: `transformer/1/model.${format}`,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      pieces: makePieces(bytes),
      format,
      dtype: 'int8',
    },
    inputs: [{ name: 'tokens', datatype: 'FP32', shape: [-1, shape.tokens] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 2] }],
    price: 'per-call',
    function: { memoryMB: 3_538, timeoutSeconds: 10 },
  }
  const tokens = Array.from({ length: shape.tokens }, (_, index) => (index * 7_919) % 30_522)
  return {
    manifest: parseManifest(manifest, 'transformer'),
    labels: ['no', 'yes'],
    files: {},
    sample: { inputs: [tokens] },
    expected: { outputs: [], metric: 'max-absolute-difference', tolerance: 0.001 },
    folder: 'transformer',
  }
}
