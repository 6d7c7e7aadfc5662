import { type OnnxModel, writeOnnx } from '#test/support/onnx-writer.ts'

/**
 * A model of four numbers in, two scores out: the first two of the numbers. Before it answers it goes
 * round a loop as often as the largest number of the whole run says, but for less than once; so one
 * record with a large number is poison for all that share its run.
 */
function loopingOnnx(round: OnnxModel['nodes']): Uint8Array<ArrayBuffer> {
  return writeOnnx({
    inputs: [{ name: 'features', datatype: 'FP32', shape: ['rows', 4] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: ['rows', 2] }],
    constants: [
      { name: 'seed', values: Float32Array.of(1) },
      { name: 'nothing', values: Float32Array.of(0) },
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
      {
        operator: 'Loop',
        inputs: ['rounds', '', 'seed'],
        outputs: ['grown'],
        body: {
          inputs: [
            { name: 'round', datatype: 'INT64', shape: [] },
            { name: 'goes on', datatype: 'BOOL', shape: [] },
            { name: 'before', datatype: 'FP32', shape: ['length'] },
          ],
          outputs: [
            { name: 'goes on still', datatype: 'BOOL', shape: [] },
            { name: 'after', datatype: 'FP32', shape: ['next length'] },
          ],
          nodes: [
            { operator: 'Identity', inputs: ['goes on'], outputs: ['goes on still'] },
            ...round,
          ],
        },
      },
      // The loop must matter for the answer, or it would be left out.
      {
        operator: 'ReduceMax',
        inputs: ['grown'],
        outputs: ['most'],
        attributes: { keepdims: 0 },
      },
      { operator: 'Mul', inputs: ['most', 'nothing'], outputs: ['zero'] },
      { operator: 'Slice', inputs: ['features', 'start', 'end'], outputs: ['first two'] },
      { operator: 'Add', inputs: ['first two', 'zero'], outputs: ['scores'] },
    ],
  })
}

/** A number in the billions keeps it busy for minutes. */
export const hangingOnnx = () =>
  loopingOnnx([{ operator: 'Identity', inputs: ['before'], outputs: ['after'] }])

/** Each round doubles what it holds: with 40 it would be terabytes. */
export const greedyOnnx = () =>
  loopingOnnx([
    {
      operator: 'Concat',
      inputs: ['before', 'before'],
      outputs: ['after'],
      attributes: { axis: 0 },
    },
  ])

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
