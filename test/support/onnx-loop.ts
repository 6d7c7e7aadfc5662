import type { OnnxModel } from './onnx-writer.ts'

/** What a round makes of the value before it: the same again, or twice as much of it. */
export type Round = 'hangs' | 'grows'

const rounds = {
  hangs: { operator: 'Identity', inputs: ['before'], outputs: ['after'] },
  grows: {
    operator: 'Concat',
    inputs: ['before', 'before'],
    outputs: ['after'],
    attributes: { axis: 0 },
  },
} satisfies Record<Round, OnnxModel['nodes'][number]>

/**
 * Nodes that go round a loop as often as `rounds` (INT64, a scalar) says. They leave `zero`, a scalar
 * of 0, which an answer must have added to it: else the loop would be left out.
 */
export const onnxLoop = (round: Round) =>
  ({
    constants: [
      { name: 'seed', values: Float32Array.of(1) },
      { name: 'nothing', values: Float32Array.of(0) },
    ],
    nodes: [
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
            rounds[round],
          ],
        },
      },
      { operator: 'ReduceMax', inputs: ['grown'], outputs: ['most'], attributes: { keepdims: 0 } },
      { operator: 'Mul', inputs: ['most', 'nothing'], outputs: ['zero'] },
    ],
  }) satisfies Pick<OnnxModel, 'constants' | 'nodes'>
