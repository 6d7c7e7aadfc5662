/** A decoded image: four bytes a pixel (red, green, blue, alpha), rows from the top. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array | Uint8ClampedArray
}
