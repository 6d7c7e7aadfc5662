import { ServiceError } from '#shared/errors/service-error.ts'
import { type Datatype, datatypes, elementCount, type TensorData } from '#shared/runtime/tensor.ts'

export interface TensorDataOptions {
  /** For messages. */
  name: string
  datatype: Datatype
  /** Its product is checked against the model's limit already. */
  shape: readonly number[]
  /** Accept `null` as NaN, where the model allows numbers that are not finite. */
  nonFinite: boolean
}

/**
 * The `data` member of a JSON tensor, flat or nested, as row-major memory. What is nested must be
 * nested as the shape says: values must not slip from one row into the next.
 * @throws ServiceError `element_count_wrong`, `datatype_wrong`, `number_not_finite`
 */
export function readTensorData(data: unknown, options: TensorDataOptions): TensorData {
  const { name, datatype, shape } = options
  if (!Array.isArray(data)) {
    throw new ServiceError('datatype_wrong', { detail: `The data of "${name}" are not an array.` })
  }
  const elements = elementCount(shape)
  const array =
    datatype === 'BYTES' ? new Array<string>(elements) : new datatypes[datatype].array(elements)
  const read = readers[datatype]
  let filled = 0
  /** `size` is the product of the dimensions from `depth` on. */
  const fill = (values: readonly unknown[], depth: number, size: number): void => {
    const length = shape[depth] ?? 0
    const nested = depth + 1 < shape.length && Array.isArray(values[0])
    if (values.length !== (nested ? length : size)) throw countError(options)
    for (const value of values) {
      if (!nested) {
        array[filled] = read(value, options) as never
        filled += 1
      } else if (Array.isArray(value)) {
        fill(value, depth + 1, size / length)
      } else {
        throw countError(options)
      }
    }
  }
  fill(data, 0, elements)
  return array as TensorData
}

type Read = (value: unknown, options: TensorDataOptions) => unknown

const readers: Record<Datatype, Read> = {
  BOOL(value, options) {
    if (value === true || value === 1) return 1
    if (value === false || value === 0) return 0
    throw typeError(options, 'true and false')
  },
  UINT8: whole(0, 2 ** 8 - 1),
  UINT16: whole(0, 2 ** 16 - 1),
  UINT32: whole(0, 2 ** 32 - 1),
  INT8: whole(-(2 ** 7), 2 ** 7 - 1),
  INT16: whole(-(2 ** 15), 2 ** 15 - 1),
  INT32: whole(-(2 ** 31), 2 ** 31 - 1),
  UINT64: bigWhole(0n, 2n ** 64n - 1n),
  INT64: bigWhole(-(2n ** 63n), 2n ** 63n - 1n),
  FP16: real((value) => Math.abs(value) <= 65_504),
  FP32: real((value) => Number.isFinite(Math.fround(value))),
  FP64: real(Number.isFinite),
  BYTES(value, options) {
    if (typeof value === 'string') return value
    throw typeError(options, 'strings')
  },
}

function whole(minimum: number, maximum: number): Read {
  return (value, options) => {
    // Where another tensor is INT64, a large number arrives as BigInt here, too.
    if (typeof value === 'bigint') throw rangeError(options)
    if (typeof value !== 'number' || (Number.isFinite(value) && !Number.isInteger(value))) {
      throw typeError(options, 'whole numbers')
    }
    if (value >= minimum && value <= maximum) return value
    throw rangeError(options)
  }
}

function bigWhole(minimum: bigint, maximum: bigint): Read {
  return (value, options) => {
    if (typeof value !== 'bigint' && !Number.isSafeInteger(value))
      throw typeError(options, 'whole numbers')
    const big = BigInt(value as bigint | number)
    if (big >= minimum && big <= maximum) return big
    throw rangeError(options)
  }
}

function real(fits: (value: number) => boolean): Read {
  return (value, options) => {
    if (value === null) {
      if (options.nonFinite) return Number.NaN
      throw rangeError(options)
    }
    const number = typeof value === 'bigint' ? Number(value) : value
    if (typeof number !== 'number') throw typeError(options, 'numbers')
    if (fits(number)) return number
    throw rangeError(options)
  }
}

function countError({ name, shape }: TensorDataOptions): ServiceError {
  return new ServiceError('element_count_wrong', {
    detail: `The data of "${name}" do not fill the shape [${shape.join(', ')}], flat or nested.`,
  })
}

function typeError({ name, datatype }: TensorDataOptions, wanted: string): ServiceError {
  return new ServiceError('datatype_wrong', {
    detail: `"${name}" is ${datatype}: its data must be ${wanted}.`,
  })
}

function rangeError({ name, datatype }: TensorDataOptions): ServiceError {
  return new ServiceError('number_not_finite', {
    detail: `"${name}" holds a number that is not finite or does not fit ${datatype}.`,
  })
}
