import type { Tensors } from './tensor.ts'

/** A loaded model file, ready to run. */
export interface Session {
  /** Names of the tensors that the file takes and gives, in its own order. */
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /**
   * Runs the model once. `outputs` selects which tensors to compute (all by default).
   * @throws ServiceError `inference_failed`, `out_of_memory`
   */
  run(inputs: Tensors, outputs?: readonly string[]): Promise<Tensors>
  /**
   * Runs the model once and writes what it gives into the memory of `outputs`, which has the very
   * datatypes and shapes. An input may lie in the same memory where the model allows it: so a
   * language model adds to its cache without copying it.
   * @throws ServiceError `inference_failed`, `out_of_memory`
   */
  runInto(inputs: Tensors, outputs: Tensors): Promise<void>
  /** Gives the native memory back. Idempotent. */
  close(): Promise<void>
}

export interface SessionOptions {
  /** Threads inside one run. */
  threads: number
  /** How the bytes are encoded: as ONNX protobuf, or as ONNX Runtime's own format. */
  format: 'onnx' | 'ort'
}

/**
 * Makes a session of a model file's bytes.
 * @throws ServiceError `model_opset_unsupported`, `model_invalid`, `out_of_memory`
 */
export type CreateSession = (
  bytes: Uint8Array<ArrayBuffer>,
  options: SessionOptions,
) => Promise<Session>
