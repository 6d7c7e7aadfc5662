import type { TensorInfo, Tensors } from '#shared/runtime/tensor.ts'
import type { JsonBytes } from './json-bytes.ts'

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

/** Rows made ready to run. Holds what `interpret` must remember of them, e.g. the sizes of images. */
interface Prepared {
  /** The first dimension of each tensor is the number of rows. */
  readonly tensors: Tensors
  /** From the model's outputs for exactly these rows to one answer a row, in their order. */
  interpret(outputs: Tensors): readonly unknown[]
  /** The same answers for who wants them as JSON; absent where a task has no shorter way to it. */
  writer?(outputs: Tensors): AnswerWriter
}

/** Answers of one run as JSON, without an object each. */
export interface AnswerWriter {
  readonly rows: number
  /**
   * Writes the bytes of `JSON.stringify(interpret(outputs)[row])`.
   * @returns false where it cannot, what it has written being of no use: `interpret` can
   */
  write(row: number, into: JsonBytes): boolean
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
   * Pixels of the images in these rows, as their headers tell; absent where a task takes none.
   * @throws ServiceError `input_invalid`, `image_…`
   */
  pixels?(rows: readonly unknown[]): number
  /**
   * Refuses what `prepare` would refuse, as far as can be told without its work: images are not
   * decoded. Absent where `prepare` is no work.
   * @throws ServiceError those of `prepare`
   */
  check?(
    rows: readonly unknown[],
    parameters: Readonly<Record<string, unknown>>,
    model: TaskModel,
  ): void
  /**
   * Turns rows into tensors, and says how to read what comes out for them.
   * @throws ServiceError `input_invalid`, `parameter_invalid`, `image_…`
   */
  prepare(
    rows: readonly unknown[],
    parameters: Readonly<Record<string, unknown>>,
    model: TaskModel,
  ): Promise<Prepared> | Prepared
  /** JSON Schemas for the OpenAPI document: one input, one output, the parameters. */
  describe(model: TaskModel): {
    input: Record<string, unknown>
    output: Record<string, unknown>
    parameters: Record<string, Record<string, unknown>>
  }
}
