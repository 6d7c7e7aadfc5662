import type { Compressors } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

/** A page says itself how large it becomes, and so much memory is taken before it is unpacked. */
const largestPageBytes = 256_000_000

/** All codecs of Parquet but LZO, which nobody writes; none takes more memory than a page may need. */
export const parquetCompressors: Compressors = Object.fromEntries(
  Object.entries(compressors).map(([codec, unpack]) => [
    codec,
    (input: Uint8Array, outputLength: number) => {
      if (outputLength > largestPageBytes) throw new RangeError(`A page of ${outputLength} bytes.`)
      return unpack(input, outputLength)
    },
  ]),
)
