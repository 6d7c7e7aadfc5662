import { initializer, input, node, onnxFile, output } from './onnx-file.ts'

/**
 * A model that takes long and weighs nothing: its input, spread over a square matrix of `size`, is
 * multiplied by itself `times` times. It answers the first two of the numbers.
 */
export function slowModel({ size = 1_024, times = 40 } = {}): Buffer {
  const integers = (name: string, ...values: number[]) =>
    initializer(name, [values.length], 'INT64', BigInt64Array.from(values, BigInt))
  const last = `power ${times}`
  return onnxFile('slow', [
    integers('square', size, size),
    integers('from', 0, 0),
    integers('to', 1, 2),
    // Rows of a matrix of equal numbers 1/size add up to one, so its powers stay what they are.
    initializer('share', [], 'FLOAT', Float32Array.of(1 / size)),
    node('ReduceMean', ['features'], 'mean', { keepdims: 1 }),
    node('Expand', ['mean', 'square'], 'spread'),
    node('Mul', ['spread', 'share'], 'power 0'),
    ...Array.from({ length: times }, (_, index) =>
      node('MatMul', [`power ${index}`, 'power 0'], `power ${index + 1}`),
    ),
    node('Slice', [last, 'from', 'to'], 'scores'),
    input('features', 'FLOAT', ['rows', 4]),
    output('scores', 'FLOAT', [1, 2]),
  ])
}
