import { type Field, initializer, input, node, onnxFile, output } from './onnx-file.ts'

/** The shapes of all-MiniLM-L6-v2, at the length of a paragraph. */
export const shape = { layers: 6, width: 384, heads: 12, vocabulary: 30_522, tokens: 128 } as const
const { layers, width, heads, vocabulary, tokens } = shape

/**
 * A text encoder with two labels whose weights are random: 22 MB of int8. Token ids come as
 * float32, so that the service can feed it as a table. Activations are quantized by scales fixed
 * in the file, so that a row's answer does not depend on its neighbours.
 */
export function transformerModel(): Buffer {
  const next = randomBytes(20261123)
  const fields: Field[] = []
  const add = (operator: string, from: readonly string[], to: string, attributes = {}) => {
    fields.push(node(operator, from, to, attributes))
    return to
  }
  const floats = (name: string, dimensions: readonly number[], values: readonly number[]) => {
    fields.push(initializer(name, dimensions, 'FLOAT', Float32Array.from(values)))
    return name
  }
  const integers = (name: string, values: readonly number[]) => {
    fields.push(initializer(name, [values.length], 'INT64', BigInt64Array.from(values, BigInt)))
    return name
  }
  const int8 = (name: string, dimensions: readonly [number, number]) => {
    fields.push(initializer(name, dimensions, 'INT8', next(dimensions[0] * dimensions[1])))
    return name
  }

  floats('step', [], [1 / 32])
  fields.push(initializer('middle', [], 'UINT8', Uint8Array.of(128)))
  integers('to heads', [0, 0, heads, width / heads])
  integers('from heads', [0, 0, width])
  floats('gain', [width], Array(width).fill(1))
  floats('head scale', [], [1 / Math.sqrt(width / heads)])

  /** `from × weights + bias`, in int8 with a fixed step. */
  const dense = (from: string, name: string, [rows, columns]: readonly [number, number]) => {
    const weights = int8(`${name} weights`, [rows, columns])
    const rounded = add('QuantizeLinear', [from, 'step', 'middle'], `${name} rounded`)
    const sums = add('MatMulInteger', [rounded, weights, 'middle'], `${name} sums`)
    const real = add('Cast', [sums], `${name} real`, { to: 1 })
    // Uniform int8 weights have a deviation of 74: this keeps that of a layer's output near 1.
    const unit = floats(`${name} unit`, [], [1 / 32 / 74 / Math.sqrt(rows)])
    const scaled = add('Mul', [real, unit], `${name} scaled`)
    const bias = floats(`${name} bias`, [columns], Array(columns).fill(0.01))
    return add('Add', [scaled, bias], name)
  }
  const normalised = (a: string, b: string, name: string) => {
    const bias = floats(`${name} bias`, [width], Array(width).fill(0))
    add('Add', [a, b], `${name} sum`)
    return add('LayerNormalization', [`${name} sum`, 'gain', bias], name, { axis: -1 })
  }
  const split = (from: string, order: readonly number[]) => {
    add('Reshape', [from, 'to heads'], `${from} split`)
    return add('Transpose', [`${from} split`], `${from} heads`, { perm: order })
  }

  add('Cast', ['tokens'], 'ids', { to: 7 })
  add('Gather', [int8('embedding', [vocabulary, width]), 'ids'], 'embedded')
  add('DequantizeLinear', ['embedded', 'step'], 'vectors')
  const places = Array.from({ length: tokens * width }, (_, index) => Math.sin(index))
  let state = normalised('vectors', floats('places', [tokens, width], places), 'embeddings')
  for (let layer = 0; layer < layers; layer += 1) {
    const at = `layer ${layer}`
    const query = split(dense(state, `${at} query`, [width, width]), [0, 2, 1, 3])
    const key = split(dense(state, `${at} key`, [width, width]), [0, 2, 3, 1])
    const value = split(dense(state, `${at} value`, [width, width]), [0, 2, 1, 3])
    add('Mul', [add('MatMul', [query, key], `${at} products`), 'head scale'], `${at} scores`)
    add('Softmax', [`${at} scores`], `${at} attention`, { axis: -1 })
    add('MatMul', [`${at} attention`, value], `${at} mixed`)
    add('Transpose', [`${at} mixed`], `${at} joined`, { perm: [0, 2, 1, 3] })
    add('Reshape', [`${at} joined`, 'from heads'], `${at} context`)
    state = normalised(dense(`${at} context`, `${at} out`, [width, width]), state, `${at} attended`)
    const wide = add('Gelu', [dense(state, `${at} wide`, [width, 4 * width])], `${at} active`)
    state = normalised(dense(wide, `${at} narrow`, [4 * width, width]), state, `${at} state`)
  }
  add('ReduceMean', [state, integers('token axis', [1])], 'mean', { keepdims: 0 })
  add('Softmax', [dense('mean', 'logits', [width, 2])], 'scores', { axis: -1 })
  fields.push(input('tokens', 'FLOAT', ['rows', tokens]), output('scores', 'FLOAT', ['rows', 2]))
  return onnxFile('transformer', fields)
}

/** The same stream of bytes for the same seed (xorshift32). */
function randomBytes(seed: number): (count: number) => Int8Array {
  let state = seed
  return (count) => {
    const values = new Int8Array(count)
    for (let index = 0; index < count; index += 1) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      values[index] = state
    }
    return values
  }
}
