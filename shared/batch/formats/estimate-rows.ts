export interface RowEstimate {
  readonly low: number
  readonly high: number
}

/**
 * How many records a text has, from samples of its start, middle and end: by the samples with the
 * longest and the shortest lines, a tenth wider on either side. Lines inside quotes count as well.
 */
export function estimateRows(samples: readonly Uint8Array[], sizeBytes: number): RowEstimate {
  const lengths = samples.map(bytesPerLine).filter((length) => length > 0)
  if (lengths.length === 0) return { low: 0, high: sizeBytes === 0 ? 0 : 1 }
  const low = Math.floor((sizeBytes / Math.max(...lengths)) * 0.9)
  return { low, high: Math.ceil((sizeBytes / Math.min(...lengths)) * 1.1) }
}

function bytesPerLine(sample: Uint8Array): number {
  const bytes = Buffer.from(sample.buffer, sample.byteOffset, sample.length)
  let lines = 0
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines += 1
  // A piece of one long line tells at least that it is as long.
  return bytes.length / Math.max(lines, 1)
}
