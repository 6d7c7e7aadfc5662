const blockBytes = 1_048_576

/** JSONL: finished lines, each with its newline, as they are; put together into larger blocks. */
export async function* writeJsonLines(
  lines: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = []
  let size = 0
  for await (const bytes of lines) {
    pieces.push(bytes)
    size += bytes.length
    if (size < blockBytes) continue
    yield Buffer.concat(pieces)
    pieces = []
    size = 0
  }
  if (size > 0) yield Buffer.concat(pieces)
}
