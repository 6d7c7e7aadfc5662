import type { Tensors } from './tensor.ts'

/** What runs a model file: a kind of processor, with the library that knows it. */
export type Provider = 'tensorrt' | 'cuda' | 'cpu'

/** A loaded model file, ready to run. */
export interface Session {
  /** What runs it. Operators that this does not know run on the CPU. */
  readonly provider: Provider
  /** What was to be tried before, and why it does not run it. */
  readonly declined: readonly { readonly provider: Provider; readonly reason: string }[]
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
  /** What may run it, the first that can be had; the CPU always can. Default: the CPU. */
  providers?: readonly Provider[]
  /**
   * How long a thread that waits for another one within a run keeps its CPU awake; default 0. Runs of
   * a few milliseconds, one after the other, gain by it what waking costs.
   */
  spinMicroseconds?: number
}

/**
 * Makes a session of a model file's bytes.
 * @throws ServiceError `model_opset_unsupported`, `model_invalid`, `out_of_memory`
 */
export type CreateSession = (
  bytes: Uint8Array<ArrayBuffer>,
  options: SessionOptions,
) => Promise<Session>
