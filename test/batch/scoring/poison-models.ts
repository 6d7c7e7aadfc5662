import { onnxLoop, type Round } from '#test/support/onnx-loop.ts'
import { writeOnnx } from '#test/support/onnx-writer.ts'

/**
 * A model of four numbers in, two scores out: the first two of the numbers. Before it answers it goes
 * round a loop as often as the largest number of the whole run says, but for less than once; so one
 * record with a large number is poison for all that share its run.
 */
function loopingOnnx(round: Round): Uint8Array<ArrayBuffer> {
  const loop = onnxLoop(round)
  return writeOnnx({
    inputs: [{ name: 'features', datatype: 'FP32', shape: ['rows', 4] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: ['rows', 2] }],
    constants: [
      ...loop.constants,
      { name: 'start', values: BigInt64Array.of(0n, 0n) },
      { name: 'end', values: BigInt64Array.of(1_000_000n, 2n) },
    ],
    nodes: [
      {
        operator: 'ReduceMax',
        inputs: ['features'],
        outputs: ['largest'],
        attributes: { keepdims: 0 },
      },
      { operator: 'Cast', inputs: ['largest'], outputs: ['rounds'], attributes: { to: 7 } },
      ...loop.nodes,
      { operator: 'Slice', inputs: ['features', 'start', 'end'], outputs: ['first two'] },
      { operator: 'Add', inputs: ['first two', 'zero'], outputs: ['scores'] },
    ],
  })
}

/** A number in the billions keeps it busy for minutes. */
export const hangingOnnx = () => loopingOnnx('hangs')

/** Each round doubles what it holds: with 40 it would be terabytes. */
export const greedyOnnx = () => loopingOnnx('grows')

/** Four numbers in, the first two of them out. */
export const harmlessOnnx = () =>
  writeOnnx({
    inputs: [{ name: 'features', datatype: 'FP32', shape: ['rows', 4] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: ['rows', 2] }],
    constants: [
      { name: 'start', values: BigInt64Array.of(0n, 0n) },
      { name: 'end', values: BigInt64Array.of(1_000_000n, 2n) },
    ],
    nodes: [{ operator: 'Slice', inputs: ['features', 'start', 'end'], outputs: ['scores'] }],
  })

/** Numbers that make a process of `score-process-fixture.ts` do what no small model does by itself. */
export const poison = {
  crash: -666,
  abort: -667,
  /** Once a parent process. */
  crashOnce: -668,
  fail: -555,
  notANumber: -444,
} as const
