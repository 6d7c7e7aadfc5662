import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import type { Tensors } from '#shared/runtime/tensor.ts'

/** What a plain call asks: inputs as a person writes them. */
export interface PredictRequest {
  readonly inputs: unknown
  readonly parameters: Readonly<Record<string, unknown>>
}

/** What it gets: one output where one input was sent, a list where a list was sent. */
export interface Prediction {
  readonly outputs: unknown
  /** How many inputs were scored. */
  readonly rows: number
  readonly timings: PredictTimings
}

/** Where the time of a call went, in milliseconds. */
export interface PredictTimings {
  readonly prepareMs: number
  readonly runMs: number
  readonly interpretMs: number
}

/** What a tensor call asks. */
export interface InferRequest {
  readonly inputs: Tensors
  /** Which outputs, in which order; all where absent. */
  readonly outputs?: readonly string[] | undefined
}

export interface InferResult {
  readonly outputs: Tensors
  readonly timings: { readonly runMs: number }
}

/** A model that is loaded. */
export interface Model {
  readonly entry: ModelEntry
  /** @throws ServiceError of the task, `inference_failed`, `out_of_memory` */
  predict(request: PredictRequest): Promise<Prediction>
  /** @throws ServiceError `inference_failed`, `out_of_memory` */
  infer(request: InferRequest): Promise<InferResult>
  close(): Promise<void>
}

/** The name under which one version of a model is known: `iris@1`. */
export const modelKey = ({ manifest }: ModelEntry): string => `${manifest.name}@${manifest.version}`
