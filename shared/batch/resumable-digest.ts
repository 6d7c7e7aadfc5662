import { createHash } from 'node:crypto'

/** SHA-256 of a stream. */
export interface StreamDigest {
  update(bytes: Uint8Array): void
  /** Of everything so far, in hex; the last thing that is asked of it. */
  digest(): string
}

/** One that can be put down, and taken up again in another process. */
export interface ResumableDigest extends StreamDigest {
  readonly state: DigestState
}

export interface DigestState {
  /** The eight words of the chain. */
  readonly words: readonly number[]
  readonly sizeBytes: number
  /** What does not fill a block of 64 bytes yet. */
  readonly rest: Uint8Array
}

const blockBytes = 64

/** Node's own: several times as fast, and cannot be put down. */
export function nativeDigest(): StreamDigest {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') }
}

/** Source: FIPS 180-4, 5.1.1 and 6.2.2 */
export function resumableDigest(from?: DigestState): ResumableDigest {
  const words = Int32Array.from(from?.words ?? initialWords)
  const rest = new Uint8Array(blockBytes)
  rest.set(from?.rest ?? [])
  let filled = from?.rest.length ?? 0
  let sizeBytes = from?.sizeBytes ?? 0

  function update(bytes: Uint8Array): void {
    sizeBytes += bytes.length
    let at = 0
    if (filled > 0) {
      at = Math.min(blockBytes - filled, bytes.length)
      rest.set(bytes.subarray(0, at), filled)
      filled += at
      if (filled < blockBytes) return
      mixBlocks(words, rest, 0, blockBytes)
    }
    const end = bytes.length - ((bytes.length - at) % blockBytes)
    mixBlocks(words, bytes, at, end)
    rest.set(bytes.subarray(end))
    filled = bytes.length - end
  }

  return {
    update,
    get state() {
      return { words: [...words], sizeBytes, rest: rest.slice(0, filled) }
    },
    digest() {
      // A one bit, zeros, and the length in bits, which is what fills the last block.
      const bits = BigInt(sizeBytes) * 8n
      const end = Buffer.alloc(
        filled < blockBytes - 8 ? blockBytes - filled : 2 * blockBytes - filled,
      )
      end[0] = 0x80
      end.writeBigUInt64BE(bits, end.length - 8)
      update(end)
      return Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
    },
  }
}

const primes: number[] = []
for (let candidate = 2; primes.length < blockBytes; candidate += 1) {
  if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate)
}
/** The first 32 bits behind the point. */
const fraction = (value: number) => ((value - Math.floor(value)) * 2 ** 32) | 0
const initialWords = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)))
const constants = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)))
const schedule = new Int32Array(blockBytes)

/** Whole blocks of the bytes into the chain. Plain variables and one array: it is the inner loop. */
function mixBlocks(words: Int32Array, bytes: Uint8Array, start: number, end: number): void {
  const w = schedule
  const k = constants
  // Not by destructuring, which is an iterator to the compiler: half as fast.
  let h0 = words[0] as number
  let h1 = words[1] as number
  let h2 = words[2] as number
  let h3 = words[3] as number
  let h4 = words[4] as number
  let h5 = words[5] as number
  let h6 = words[6] as number
  let h7 = words[7] as number
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = start; at < end; at += blockBytes) {
    for (let t = 0; t < 16; t += 1) w[t] = view.getInt32(at + t * 4)
    for (let t = 16; t < blockBytes; t += 1) {
      const x = w[t - 15] as number
      const y = w[t - 2] as number
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      w[t] = ((w[t - 16] as number) + s0 + (w[t - 7] as number) + s1) | 0
    }
    let a = h0
    let b = h1
    let c = h2
    let d = h3
    let e = h4
    let f = h5
    let g = h6
    let h = h7
    for (let t = 0; t < blockBytes; t += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (k[t] as number) + (w[t] as number)) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    h0 = (h0 + a) | 0
    h1 = (h1 + b) | 0
    h2 = (h2 + c) | 0
    h3 = (h3 + d) | 0
    h4 = (h4 + e) | 0
    h5 = (h5 + f) | 0
    h6 = (h6 + g) | 0
    h7 = (h7 + h) | 0
  }
  words.set([h0, h1, h2, h3, h4, h5, h6, h7])
}
