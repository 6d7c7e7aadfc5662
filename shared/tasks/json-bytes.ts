import { type Decimal, shortestDecimal, shortestFloat } from './shortest-float.ts'

/** JSON that is written as bytes, UTF-8, piece by piece into one buffer that grows. */
export interface JsonBytes {
  readonly length: number
  /** Takes back what was written behind this length. */
  cut(length: number): void
  bytes(piece: Uint8Array): void
  text(text: string): void
  /** A finite float32 in its shortest form, as `JSON.stringify(shortestFloat(value))` has it. */
  float(value: number): void
  /** All of it, once. */
  take(): Uint8Array
}

const zero = 0x30
const point = 0x2e
/** A digit, the point, eight digits, `e-13`; text that is shorter is copied by hand. */
const longestNumber = 32

export function createJsonBytes(sizeBytes = 131_072): JsonBytes {
  let buffer = Buffer.allocUnsafe(sizeBytes)
  let length = 0
  const decimal: Decimal = { digits: 0, places: 0 }

  const reserve = (more: number): void => {
    if (length + more <= buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + more))
    buffer.copy(larger, 0, 0, length)
    buffer = larger
  }
  const text = (some: string): void => {
    reserve(some.length * 3)
    length += buffer.write(some, length)
  }
  /** Writes `count` digits and returns where they end. */
  const digitsAt = (at: number, digits: number, count: number): number => {
    let rest = digits
    for (let place = at + count - 1; place >= at; place -= 1) {
      const tenth = (rest / 10) | 0
      buffer[place] = zero + rest - tenth * 10
      rest = tenth
    }
    return at + count
  }

  return {
    get length() {
      return length
    },
    cut(to) {
      length = to
    },
    bytes(piece) {
      reserve(piece.length)
      // For so few bytes a call of `set` costs more.
      if (piece.length > 64) buffer.set(piece, length)
      else for (let at = 0; at < piece.length; at += 1) buffer[length + at] = piece[at] as number
      length += piece.length
    },
    text,
    float(value) {
      if (!shortestDecimal(value, decimal)) return text(JSON.stringify(shortestFloat(value)))
      reserve(longestNumber)
      let { digits, places } = decimal
      for (; digits % 10 === 0; places -= 1) digits /= 10
      let count = 1
      for (let power = 10; power <= digits; power *= 10) count += 1
      let at = length
      if (places - count < 6) {
        buffer[at] = zero
        buffer[at + 1] = point
        at = digitsAt(at + 2, 0, places - count)
        length = digitsAt(at, digits, count)
        return
      }
      // 0.0000012 is the last that JavaScript writes out: then comes 1.2e-7.
      at = digitsAt(at, digits, count)
      if (count > 1) {
        buffer.copyWithin(length + 2, length + 1, at)
        buffer[length + 1] = point
        at += 1
      }
      length = at
      text(`e-${places - count + 1}`)
    },
    take() {
      const taken = Buffer.from(buffer.subarray(0, length))
      length = 0
      return taken
    },
  }
}
