/**
 * Writes tiny ONNX files for tests: as much of onnx.proto as they need. A message is the list of
 * its encoded fields. Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { Datatype } from '#shared/runtime/tensor.ts'

/** TensorProto.DataType of each datatype of the Open Inference Protocol. */
const elementTypes: Readonly<Record<Datatype | 'BF16', number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
}

export interface TensorField {
  readonly name: string
  readonly datatype: Datatype | 'BF16'
  /** A word is a dimension of any size. */
  readonly shape: readonly (number | string)[]
}

export interface NodeField {
  readonly operator: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, number>>
  /** The graph that a Loop repeats. */
  readonly body?: Omit<OnnxModel, 'opset'>
}

export interface OnnxModel {
  readonly nodes: readonly NodeField[]
  readonly inputs: readonly TensorField[]
  readonly outputs: readonly TensorField[]
  readonly constants?: readonly { name: string; values: Float32Array | BigInt64Array }[]
  readonly opset?: number
}

export function writeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const { opset = 20 } = model
  const file = Buffer.concat([
    integer(1, 9),
    message(7, graphFields(model)),
    message(8, [text(1, ''), integer(2, opset)]),
  ])
  return new Uint8Array(file)
}

/** `y = Identity(x)` for one datatype. */
export const identityOnnx = (
  datatype: Datatype | 'BF16',
  shape: readonly (number | string)[] = ['rows'],
) =>
  writeOnnx({
    nodes: [{ operator: 'Identity', inputs: ['x'], outputs: ['y'] }],
    inputs: [{ name: 'x', datatype, shape }],
    outputs: [{ name: 'y', datatype, shape }],
  })

/**
 * Takes long and weighs nothing: the mean of `features`, spread over a square matrix that is
 * multiplied by itself `times` times. 512 × 512 takes some 5 to 10 ms a time on one CPU.
 */
export function slowOnnx(times: number, size = 512): Uint8Array<ArrayBuffer> {
  const power = (exponent: number) => `power ${exponent}`
  return writeOnnx({
    inputs: [{ name: 'features', datatype: 'FP32', shape: [1, 4] }],
    outputs: [{ name: 'scores', datatype: 'FP32', shape: [1, 2] }],
    constants: [
      { name: 'square', values: BigInt64Array.of(BigInt(size), BigInt(size)) },
      { name: 'start', values: BigInt64Array.of(0n, 0n) },
      { name: 'end', values: BigInt64Array.of(1n, 2n) },
      // Rows of a matrix of equal numbers 1/size add up to one, so its powers stay what they are.
      { name: 'share', values: Float32Array.of(1 / size) },
    ],
    nodes: [
      {
        operator: 'ReduceMean',
        inputs: ['features'],
        outputs: ['mean'],
        attributes: { keepdims: 1 },
      },
      { operator: 'Expand', inputs: ['mean', 'square'], outputs: ['spread'] },
      { operator: 'Mul', inputs: ['spread', 'share'], outputs: [power(0)] },
      ...Array.from({ length: times }, (_, at) => ({
        operator: 'MatMul',
        inputs: [power(at), power(0)],
        outputs: [power(at + 1)],
      })),
      { operator: 'Slice', inputs: [power(times), 'start', 'end'], outputs: ['scores'] },
    ],
  })
}

function graphFields({ nodes, inputs, outputs, constants = [] }: OnnxModel): Buffer[] {
  return [
    ...nodes.map((node) => message(1, nodeFields(node))),
    text(2, 'test'),
    ...constants.map((constant) => message(5, constantFields(constant))),
    ...inputs.map((tensor) => message(11, tensorFields(tensor))),
    ...outputs.map((tensor) => message(12, tensorFields(tensor))),
  ]
}

function nodeFields({ operator, inputs, outputs, attributes = {}, body }: NodeField): Buffer[] {
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) =>
      message(5, [text(1, name), integer(3, value), integer(20, 2)]),
    ),
    // AttributeProto: the name, the graph, and that it is one.
    ...(body ? [message(5, [text(1, 'body'), message(6, graphFields(body)), integer(20, 5)])] : []),
  ]
}

function tensorFields({ name, datatype, shape }: TensorField): Buffer[] {
  const dimensions = shape.map((size) =>
    message(1, [typeof size === 'number' ? integer(1, size) : text(2, size)]),
  )
  const tensor = [integer(1, elementTypes[datatype]), message(2, dimensions)]
  return [text(1, name), message(2, [message(1, tensor)])]
}

function constantFields({ name, values }: { name: string; values: Float32Array | BigInt64Array }) {
  const type = values instanceof Float32Array ? elementTypes.FP32 : elementTypes.INT64
  const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return [integer(1, values.length), integer(2, type), text(8, name), bytes(9, raw)]
}

const integer = (field: number, value: number) => Buffer.concat([varint(field << 3), varint(value)])
const bytes = (field: number, value: Buffer) =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value])
const text = (field: number, value: string) => bytes(field, Buffer.from(value))
const message = (field: number, fields: readonly Buffer[]) => bytes(field, Buffer.concat(fields))

function varint(value: number): Buffer {
  const digits: number[] = []
  let rest = value
  do {
    digits.push((rest % 128) | (rest >= 128 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return Buffer.from(digits)
}
