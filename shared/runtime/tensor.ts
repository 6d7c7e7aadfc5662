/**
 * The datatypes of the Open Inference Protocol v2 and how each is held in memory.
 * BYTES holds text: one JavaScript string an element.
 */
export const datatypes = {
  BOOL: { sizeBytes: 1, array: Uint8Array },
  UINT8: { sizeBytes: 1, array: Uint8Array },
  UINT16: { sizeBytes: 2, array: Uint16Array },
  UINT32: { sizeBytes: 4, array: Uint32Array },
  UINT64: { sizeBytes: 8, array: BigUint64Array },
  INT8: { sizeBytes: 1, array: Int8Array },
  INT16: { sizeBytes: 2, array: Int16Array },
  INT32: { sizeBytes: 4, array: Int32Array },
  INT64: { sizeBytes: 8, array: BigInt64Array },
  FP16: { sizeBytes: 2, array: Float16Array },
  FP32: { sizeBytes: 4, array: Float32Array },
  FP64: { sizeBytes: 8, array: Float64Array },
  BYTES: { sizeBytes: undefined, array: Array },
} as const

export type Datatype = keyof typeof datatypes

export type TensorData =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float16Array
  | Float32Array
  | Float64Array
  | string[]

/** A tensor: row-major `data` whose length is the product of `shape`. */
export interface Tensor {
  readonly datatype: Datatype
  readonly shape: readonly number[]
  readonly data: TensorData
}

/** Tensors by name: what goes into a session and what comes out. */
export type Tensors = Readonly<Record<string, Tensor>>

/** What a model says of one of its tensors; -1 is a dimension of any size. */
export interface TensorInfo {
  readonly name: string
  readonly datatype: Datatype
  readonly shape: readonly number[]
}

/** Number of elements of a shape without open dimensions. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}
