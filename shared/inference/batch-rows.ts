import type { Manifest } from '#shared/catalog/manifest.ts'

/** Its operators take one scale over a whole tensor, so that each row depends on its neighbours. */
const rowsMeet = 'DynamicQuantize'

/**
 * How many records one run of a model may take: as many as were proven not to influence each other.
 * @param file the bytes of the model, in which operators stand by their names
 */
export function batchRows({ batch, inputs }: Manifest, file: Uint8Array): number {
  // A graph whose first dimension is fixed takes that many rows and no others.
  const fixedRows = inputs[0]?.shape[0] ?? -1
  if (fixedRows > 0) return fixedRows
  if (batch.rows === 1) return 1
  const { buffer, byteOffset, byteLength } = file
  return Buffer.from(buffer, byteOffset, byteLength).includes(rowsMeet) ? 1 : batch.rows
}
