export interface Anchor {
  /** Centre as fractions of the input. */
  readonly x: number
  readonly y: number
}

/** Grids of the front model (128 x 128): cells a side, anchors a cell. */
const grids = [
  { cells: 16, anchors: 2 },
  { cells: 8, anchors: 6 },
]

/**
 * The 896 places from which BlazeFace measures its boxes, in the order of its outputs: row by row,
 * cell by cell. All anchors of a cell share its centre (arxiv.org/abs/1907.05047, section 3).
 */
export const blazefaceAnchors: readonly Anchor[] = grids.flatMap(({ cells, anchors }) =>
  Array.from({ length: cells * cells * anchors }, (_, index) => {
    const cell = Math.floor(index / anchors)
    return { x: ((cell % cells) + 0.5) / cells, y: (Math.floor(cell / cells) + 0.5) / cells }
  }),
)
