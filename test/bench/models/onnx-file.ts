/**
 * Writes ONNX files: as much of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto as the models
 * of the benchmark need. A message is the list of its encoded fields.
 */

/** `elem_type` of a tensor, with the bytes of an element. */
const elementTypes = { FLOAT: [1, 4], UINT8: [2, 1], INT8: [3, 1], INT64: [7, 8] } as const
type ElementType = keyof typeof elementTypes

/** One encoded field of a message. */
export type Field = Buffer

/** The open dimension of a shape has a name. */
type Shape = readonly (number | string)[]

export function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): Field {
  return message(1, [
    ...inputs.map((input) => text(1, input)),
    text(2, output),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) => message(5, attribute(name, value))),
  ])
}

export function initializer(
  name: string,
  shape: readonly number[],
  type: ElementType,
  values: ArrayBufferView,
): Field {
  const [code, sizeBytes] = elementTypes[type]
  const elements = shape.reduce((product, size) => product * size, 1)
  if (values.byteLength !== elements * sizeBytes) throw new Error(`${name}: data is not its shape`)
  const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  const fields = [...shape.map((size) => integer(1, size)), integer(2, code), text(8, name)]
  return message(5, [...fields, bytes(9, raw)])
}

export const input = (name: string, type: ElementType, shape: Shape): Field =>
  message(11, valueInfo(name, type, shape))

export const output = (name: string, type: ElementType, shape: Shape): Field =>
  message(12, valueInfo(name, type, shape))

/** A whole file. Nodes stand in the order in which they run. */
export function onnxFile(name: string, fields: readonly Field[]): Buffer {
  const opset = message(8, [text(1, ''), integer(2, 20)])
  return Buffer.concat([integer(1, 9), message(7, [text(2, name), ...fields]), opset])
}

function attribute(name: string, value: number | readonly number[]): Field[] {
  const typed = (type: number) => [text(1, name), integer(20, type)]
  if (typeof value !== 'number') return [...typed(7), ...value.map((item) => integer(8, item))]
  if (Number.isInteger(value)) return [...typed(2), integer(3, value)]
  const float = Buffer.alloc(4)
  float.writeFloatLE(value)
  return [...typed(1), Buffer.concat([varint((2 << 3) | 5), float])]
}

function valueInfo(name: string, type: ElementType, shape: Shape): Field[] {
  const dimensions = shape.map((size) =>
    message(1, [typeof size === 'number' ? integer(1, size) : text(2, size)]),
  )
  const tensor = message(1, [integer(1, elementTypes[type][0]), message(2, dimensions)])
  return [text(1, name), message(2, [tensor])]
}

const integer = (field: number, value: number): Field =>
  Buffer.concat([varint(field << 3), varint(value)])

const bytes = (field: number, value: Buffer): Field =>
  Buffer.concat([varint((field << 3) | 2), varint(value.length), value])

const text = (field: number, value: string): Field => bytes(field, Buffer.from(value))

const message = (field: number, fields: readonly Field[]): Field =>
  bytes(field, Buffer.concat(fields))

function varint(value: number): Buffer {
  const digits: number[] = []
  // A negative integer is ten bytes of its 64-bit two's complement.
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) digits.push(Number(rest & 127n) | 128)
  return Buffer.from([...digits, Number(rest)])
}
