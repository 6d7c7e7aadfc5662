import { createHash } from 'node:crypto'
import { cacheFolder } from '../harness/cache-folder.ts'
import { writeFiles } from '../harness/write-files.ts'
import { slowModel } from './slow-model.ts'

/** A folder of models with one in it, `slow`, whose run takes about a second. */
export function makeSlowModel(): string {
  const bytes = slowModel()
  const manifest = {
    name: 'slow',
    version: '1',
    description: 'Multiplies matrices for about a second.',
    licence: 'Apache-2.0',
    task: { name: 'tabular-classification', options: { columns: ['a', 'b', 'c', 'd'] } },
    artifact: {
      key: 'slow/1/model.onnx',
      sha256: createHash('sha256').update(bytes).digest('hex'),
      bytes: bytes.length,
      file: 'model.onnx',
      dtype: 'fp32',
    },
    inputs: [{ name: 'features', datatype: 'FP32', shape: [-1, 4] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: [1, 2] }],
    limits: { rows: 1, timeoutMs: 60_000 },
    price: 'per-call',
    function: { memoryMB: 1_769, timeoutSeconds: 60 },
  }
  const expected = {
    outputs: [['no', 'yes'].map((label) => ({ label, score: 1 / 1_024 }))],
    metric: 'max-absolute-difference',
    tolerance: 0.001,
  }
  const json = (value: unknown) => Buffer.from(JSON.stringify(value))
  return writeFiles(cacheFolder('models'), {
    'slow/manifest.json': json(manifest),
    'slow/labels.json': json(['no', 'yes']),
    'slow/sample.json': json({ inputs: [[1, 1, 1, 1]] }),
    'slow/expected.json': json(expected),
    'slow/model.onnx': bytes,
  })
}
