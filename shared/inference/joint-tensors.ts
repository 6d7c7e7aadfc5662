import { ServiceError } from '#shared/errors/service-error.ts'
import { datatypes, elementCount, type Tensor, type Tensors } from '#shared/runtime/tensor.ts'

/**
 * What tensors must have in common to share a run: names, datatypes, and every dimension but the
 * first, which is that of the rows.
 */
export function jointShape(tensors: Tensors): string {
  return Object.entries(tensors)
    .map(([name, { datatype, shape }]) => JSON.stringify([name, datatype, ...shape.slice(1)]))
    .sort()
    .join()
}

/** How many rows tensors hold; `undefined` where they do not agree. */
export function rowsOf(tensors: Tensors): number | undefined {
  const [first, ...others] = Object.values(tensors).map(({ shape }) => shape[0])
  return others.every((rows) => rows === first) ? first : undefined
}

/** Rows of several calls, one below the other. All must have the same joint shape. */
export function joinTensors(calls: readonly Tensors[]): Tensors {
  const [first = {}] = calls
  return Object.fromEntries(
    Object.entries(first).map(([name, { datatype, shape }]) => {
      const parts = calls.map((tensors) => tensors[name] as Tensor)
      const rows = parts.reduce((sum, part) => sum + (part.shape[0] as number), 0)
      const joined = [rows, ...shape.slice(1)]
      return [name, { datatype, shape: joined, data: joinData(parts, elementCount(joined)) }]
    }),
  )
}

function joinData([first, ...others]: readonly Tensor[], elements: number): Tensor['data'] {
  if (Array.isArray(first?.data)) {
    return first.data.concat(...others.map(({ data }) => data as string[]))
  }
  const joined = new (datatypes[first?.datatype ?? 'UINT8'].array as Float32ArrayConstructor)(
    elements,
  )
  let at = 0
  for (const { data } of first ? [first, ...others] : []) {
    joined.set(data as Float32Array, at)
    at += data.length
  }
  return joined
}

/**
 * Takes what came out of a joint run apart again: so many rows to the first call, so many to the
 * second. Each part has memory of its own: it may be sent elsewhere, and the whole is not kept by it.
 * @throws ServiceError `inference_failed` where an output has not one row for each that went in
 */
export function splitTensors(tensors: Tensors, rows: readonly number[]): Tensors[] {
  const all = rows.reduce((sum, count) => sum + count, 0)
  const foreign = Object.entries(tensors).find(([, { shape }]) => shape[0] !== all)
  if (foreign) {
    throw new ServiceError('inference_failed', {
      detail: `The output ${foreign[0]} has ${foreign[1].shape[0]} rows for ${all} that went in.`,
    })
  }
  let first = 0
  return rows.map((count) => {
    const from = first
    first += count
    const part = ({ datatype, shape, data }: Tensor): Tensor => {
      const [, ...width] = shape
      const each = elementCount(width)
      const values = data.slice(from * each, (from + count) * each)
      return { datatype, shape: [count, ...width], data: values }
    }
    return Object.fromEntries(Object.entries(tensors).map(([name, whole]) => [name, part(whole)]))
  })
}
