/** The bytes of a stream in blocks of one size, of which only the last may be shorter. */
export async function* inBlocks(
  stream: AsyncIterable<Uint8Array>,
  blockBytes: number,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let room = blockBytes
  for await (const bytes of stream) {
    let from = 0
    while (bytes.length - from >= room) {
      yield Buffer.concat([...held, bytes.subarray(from, from + room)])
      from += room
      held = []
      room = blockBytes
    }
    if (from === bytes.length) continue
    held.push(bytes.subarray(from))
    room -= bytes.length - from
  }
  if (held.length > 0) yield Buffer.concat(held)
}
