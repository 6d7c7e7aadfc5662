/** A part of a file on its way to a process. */
export interface FilePiece {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly at: number
  readonly sizeBytes: number
}

/** A whole file at once would hold up the event loop. */
const pieceBytes = 2 ** 20

/** Sends a file piece by piece, each once the one before is on its way. */
export async function sendPieces(
  file: Uint8Array<ArrayBuffer>,
  send: (piece: FilePiece) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < file.length; at += pieceBytes) {
    await send({ bytes: file.subarray(at, at + pieceBytes), at, sizeBytes: file.length })
  }
}

/** @returns what takes the pieces in their order, and answers the file with the last of them */
export function pieceTaker(): (piece: FilePiece) => Uint8Array<ArrayBuffer> | undefined {
  let file: Uint8Array<ArrayBuffer> | undefined
  return ({ bytes, at, sizeBytes }) => {
    // What comes whole is not copied.
    if (bytes.length === sizeBytes) return bytes
    file ??= new Uint8Array(sizeBytes)
    file.set(bytes, at)
    return at + bytes.length === sizeBytes ? file : undefined
  }
}
