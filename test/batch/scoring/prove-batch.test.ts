import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { proveBatch } from '#shared/batch/scoring/prove-batch.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { batchRows } from '#shared/inference/batch-rows.ts'
import { loadModel } from '#shared/inference/load-model.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { isCommitted } from '#test/support/is-committed.ts'
import { writeOnnx } from '#test/support/onnx-writer.ts'
import { testEntry } from '#test/support/test-model.ts'
import { variedInputs } from './varied-inputs.ts'

const models = resolve(import.meta.dirname, '../../../models')

/** Sizes up to the declared one: small, odd, and those on both sides of a vector's width. */
const sizesUpTo = (most: number) =>
  [...new Set([2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 100, 128, 256, most])].filter(
    (size) => size > 1 && size <= most,
  )

async function proveEntry(
  entry: Parameters<typeof loadModel>[0],
  bytes: Uint8Array<ArrayBuffer>,
  rows: readonly unknown[],
  sizes: readonly number[],
) {
  const model = await loadModel(entry, {
    readArtifact: async () => bytes,
    createSession: createOnnxSession,
    threads: 1,
  })
  try {
    return await proveBatch(model, await findTask(entry.manifest.task.name), rows, sizes)
  } finally {
    await model.close()
  }
}

const committed = readModels(models, { parse: parseManifest }).filter(isCommitted)

describe.each(committed)('$manifest.name', (entry) => {
  const { batch, limits, artifact, inputs } = entry.manifest

  test('rows come out bit by bit as alone, up to the number that its manifest declares', async () => {
    const isImage = inputs[0]?.shape.length === 4
    const rows = variedInputs(entry, Math.max(isImage ? 24 : 512, batch.rows))
    const bytes = new Uint8Array(readFileSync(join(entry.folder, artifact.file ?? '')))
    expect(batchRows(entry.manifest, bytes)).toBe(batch.rows)
    expect(batch.rows).toBeLessThanOrEqual(limits.rows)
    expect(await proveEntry(entry, bytes, rows, sizesUpTo(batch.rows))).toBeUndefined()
  })
})

describe('a model whose operators take one scale over all rows', () => {
  const bytes = writeOnnx({
    inputs: [{ name: 'features', datatype: 'FP32', shape: ['rows', 4] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: ['rows', 2] }],
    constants: [
      { name: 'start', values: BigInt64Array.of(0n, 0n) },
      { name: 'end', values: BigInt64Array.of(1_000_000n, 2n) },
    ],
    nodes: [
      {
        operator: 'DynamicQuantizeLinear',
        inputs: ['features'],
        outputs: ['steps', 'scale', 'zero'],
      },
      { operator: 'DequantizeLinear', inputs: ['steps', 'scale', 'zero'], outputs: ['rounded'] },
      { operator: 'Slice', inputs: ['rounded', 'start', 'end'], outputs: ['scores'] },
    ],
  })
  const entry = testEntry({ batch: { rows: 64 } })

  test('is seen to mix them', async () => {
    const rows = [
      [1, 2, 3, 4],
      [100, 0, 0, 0],
    ]
    expect(await proveEntry(entry, bytes, rows, [2])).toStrictEqual({
      size: 2,
      row: 0,
      output: 'scores',
    })
  })

  test('runs one record at a time, whatever its manifest says', () => {
    expect(batchRows(entry.manifest, bytes)).toBe(1)
  })
})

test('a model of which nothing was proven runs one record at a time', () => {
  expect(batchRows(testEntry().manifest, new Uint8Array(10))).toBe(1)
})

test('a graph of a fixed number of rows gets that many', () => {
  const inputs = [{ name: 'features', datatype: 'FP32', shape: [4, 4] }]
  expect(batchRows(testEntry({ inputs, batch: { rows: 64 } }).manifest, new Uint8Array(10))).toBe(4)
})
