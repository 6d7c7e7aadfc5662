import type { Tensors } from '#shared/runtime/tensor.ts'

/** Something that a detector may have found. Edges as fractions of the model's input. */
export interface Candidate {
  readonly score: number
  readonly xmin: number
  readonly ymin: number
  readonly xmax: number
  readonly ymax: number
}

/** Reads the candidates of one row that score at least `threshold`. One decoder a detector. */
export type DecodeDetections = (outputs: Tensors, row: number, threshold: number) => Candidate[]
