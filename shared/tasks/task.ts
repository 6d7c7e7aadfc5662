import type { TensorInfo, Tensors } from '#shared/runtime/tensor.ts'

/** What a task knows of the model it serves: plain data out of the model's folder. */
export interface TaskModel {
  readonly name: string
  /** `task.options` of the manifest; each task documents and checks its own. */
  readonly options: Readonly<Record<string, unknown>>
  /** `labels.json`; empty where the task needs none. */
  readonly labels: readonly string[]
  /** Further JSON files of the folder that `task.options.files` names, parsed, by file name. */
  readonly files: Readonly<Record<string, unknown>>
  readonly inputs: readonly TensorInfo[]
  readonly outputs: readonly TensorInfo[]
  readonly limits: { readonly rows: number; readonly pixels: number }
}

/** What a caller sent as `inputs`, taken apart. */
export interface Rows {
  readonly rows: readonly unknown[]
  /** The caller sent one input rather than a list: the answer is one output rather than a list. */
  readonly single: boolean
}

/**
 * What a model is for: from what a person writes to tensors, and from tensors to what a person
 * reads. Pure: no I/O, no clock, no environment.
 */
export interface Task {
  readonly name: string
  /** Media types that may be sent as a raw body (the bytes are then one row). */
  readonly media: readonly string[]
  /** Takes `inputs` apart into rows. @throws ServiceError `input_invalid` */
  rows(inputs: unknown, model: TaskModel): Rows
  /**
   * Tensors for these rows, whose first dimension is the number of rows.
   * @throws ServiceError `input_invalid`, `parameter_invalid`, `image_…`
   */
  prepare(
    rows: readonly unknown[],
    parameters: Readonly<Record<string, unknown>>,
    model: TaskModel,
  ): Promise<Tensors> | Tensors
  /** One answer a row, in the order of the rows. */
  interpret(
    outputs: Tensors,
    rows: readonly unknown[],
    parameters: Readonly<Record<string, unknown>>,
    model: TaskModel,
  ): readonly unknown[]
  /** JSON Schemas for the OpenAPI document: one input, one output, the parameters. */
  describe(model: TaskModel): {
    input: Record<string, unknown>
    output: Record<string, unknown>
    parameters: Record<string, Record<string, unknown>>
  }
}
