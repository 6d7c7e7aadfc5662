import type { GenerationSource } from '#shared/generation/generation-messages.ts'
import { onnxLoop, type Round } from '#test/support/onnx-loop.ts'
import { writeOnnx } from '#test/support/onnx-writer.ts'

const vocabulary = 300
/** Tokens beyond do harm to the run that reads one. */
export const lastHarmless = 200
/** Read by `counting-worker.ts`, it ends the process. */
export const deadlyToken = 150

/**
 * A language model without a cache: after a token it writes the next number. A run that reads a number
 * beyond 200 goes round a loop, billions of times.
 */
function countingOnnx(round: Round): Uint8Array<ArrayBuffer> {
  const loop = onnxLoop(round)
  return writeOnnx({
    inputs: [
      { name: 'input_ids', datatype: 'INT64', shape: ['texts', 'tokens'] },
      { name: 'seqlens_k', datatype: 'INT32', shape: ['texts'] },
      { name: 'total_sequence_length', datatype: 'INT32', shape: [] },
    ],
    outputs: [{ name: 'logits', datatype: 'FP32', shape: ['texts', vocabulary] }],
    constants: [
      { name: 'all', values: Float32Array.from({ length: vocabulary }, (_, token) => token - 1) },
      { name: 'last axis', values: BigInt64Array.of(1n) },
      { name: 'harmless', values: BigInt64Array.of(BigInt(lastHarmless)) },
      { name: 'none', values: BigInt64Array.of(0n) },
      { name: 'many', values: BigInt64Array.of(1_000_000_000n) },
      ...loop.constants,
    ],
    nodes: [
      {
        operator: 'ReduceMax',
        inputs: ['input_ids'],
        outputs: ['largest'],
        attributes: { keepdims: 0 },
      },
      { operator: 'Sub', inputs: ['largest', 'harmless'], outputs: ['beyond'] },
      { operator: 'Max', inputs: ['beyond', 'none'], outputs: ['harm'] },
      { operator: 'Mul', inputs: ['harm', 'many'], outputs: ['rounds'] },
      ...loop.nodes,
      { operator: 'ReduceMax', inputs: ['input_ids', 'last axis'], outputs: ['last'] },
      { operator: 'Cast', inputs: ['last'], outputs: ['read'], attributes: { to: 1 } },
      // The nearer to the next number, the likelier.
      { operator: 'Sub', inputs: ['all', 'read'], outputs: ['distance'] },
      { operator: 'Mul', inputs: ['distance', 'distance'], outputs: ['square'] },
      { operator: 'Neg', inputs: ['square'], outputs: ['nearness'] },
      { operator: 'Add', inputs: ['nearness', 'zero'], outputs: ['logits'] },
    ],
  })
}

export const countingSource = (round: Round = 'hangs'): GenerationSource => ({
  model: 'counting@1',
  readBytes: async () => countingOnnx(round),
  shape: { kvHeads: 1, headSize: 1, vocabulary },
  contextTokens: 256,
  threads: 1,
  format: 'onnx',
})

/** What is written after a number. */
export const numbersAfter = (last: number, count: number): number[] =>
  Array.from({ length: count }, (_, at) => last + 1 + at)
