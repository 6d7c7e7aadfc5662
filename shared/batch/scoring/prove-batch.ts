import type { Model } from '#shared/inference/model.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import { elementCount, type Tensor, type Tensors } from '#shared/runtime/tensor.ts'
import type { Task } from '#shared/tasks/task.ts'

/** A row that came out otherwise than by itself. */
export interface MixedRow {
  /** How many rows shared the run, and which one it was. */
  readonly size: number
  readonly row: number
  readonly output: string
}

/**
 * Whether rows of a model influence each other: every row must come out of a run with others bit by
 * bit as by itself. That is an observation of these rows on this CPU; many and different ones are
 * what makes it a proof of some worth.
 * @returns the first row that differs, if any does
 */
export async function proveBatch(
  model: Model,
  task: Task,
  rows: readonly unknown[],
  sizes: readonly number[],
): Promise<MixedRow | undefined> {
  const outputsOf = async (some: readonly unknown[]): Promise<Tensors> => {
    const { tensors } = await task.prepare(some, {}, taskModelOf(model.entry))
    return (await model.infer({ inputs: tensors })).outputs
  }
  const alone: Tensors[] = []
  for (const row of rows) alone.push(await outputsOf([row]))
  for (const size of sizes) {
    for (let first = 0; first + size <= rows.length; first += size) {
      const outputs = await outputsOf(rows.slice(first, first + size))
      for (const [output, tensor] of Object.entries(outputs)) {
        const differs = (row: number) =>
          rowOf(tensor, row, size) !== rowOf(alone[first + row]?.[output], 0, 1)
        const at = Array.from({ length: size }, (_, row) => row).find(differs)
        if (at !== undefined) return { size, row: first + at, output }
      }
    }
  }
  return undefined
}

/** The bits of one of the rows of a tensor. */
function rowOf(tensor: Tensor | undefined, row: number, rows: number): string | undefined {
  if (!tensor || tensor.shape[0] !== rows) return undefined
  const { data } = tensor
  const width = elementCount(tensor.shape) / rows
  const part = data.slice(row * width, (row + 1) * width)
  if (Array.isArray(part)) return JSON.stringify(part)
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('latin1')
}
