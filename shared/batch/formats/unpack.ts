import { createGunzip, createZstdDecompress } from 'node:zlib'
import { ServiceError } from '#shared/errors/service-error.ts'
import { type ByteSource, byteSource } from './byte-source.ts'
import { unpackMember } from './unpack-member.ts'

export type Compression = 'gzip' | 'zstd'

export interface UnpackOptions {
  readonly compression: Compression
  /** Size of the packed object: what the ratio is taken of. */
  readonly packedBytes: number
  /** Text packs 3 to 30 times smaller, repetitive logs up to 100 times; a bomb of gzip 1,000 times. */
  readonly maxRatio?: number | undefined
  readonly maxBytes?: number | undefined
}

/** Small files of one line over and over are no bombs, whatever their ratio. */
const harmlessBytes = 10_000_000

/**
 * A packed stream, unpacked: all members of gzip, all frames of zstd. Sizes that the stream says of
 * itself are not trusted; what comes out is counted.
 * @throws ServiceError `batch_input_invalid` where it is damaged, cut off, or grows past a limit
 */
export async function* unpack(
  bytes: AsyncIterable<Uint8Array>,
  { compression, packedBytes, maxRatio = 200, maxBytes = 100_000_000_000 }: UnpackOptions,
): AsyncGenerator<Uint8Array> {
  const byRatio = Math.max(packedBytes * maxRatio, harmlessBytes)
  const limit = Math.min(byRatio, maxBytes)
  const source = byteSource(bytes)
  let unpacked = 0
  try {
    for await (const block of unpackAll(source, compression)) {
      unpacked += block.length
      if (unpacked > limit) {
        const rule = byRatio < maxBytes ? `${maxRatio} times its size` : 'the most for an input'
        const detail = `Unpacked it has more than ${limit} bytes, ${rule}.`
        throw new ServiceError('batch_input_invalid', { detail })
      }
      yield block
    }
  } finally {
    await source.close()
  }
}

async function* unpackAll(source: ByteSource, compression: Compression) {
  if (compression === 'gzip') return yield* unpackMember(source, createGunzip())
  // Node's zstd stops behind a frame and forgets what is left (24.21); its gzip goes on by itself.
  for (;;) {
    const block = await source.next()
    if (block === undefined) return
    source.unread(block)
    yield* unpackMember(source, createZstdDecompress())
  }
}
