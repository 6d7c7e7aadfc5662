import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFramePacker, type PackOptions } from '#shared/batch/formats/pack-frames.ts'
import { unpack } from '#shared/batch/formats/unpack.ts'

/** By a packer that is put down and taken up again behind each piece. */
async function packAll(pieces: Uint8Array[], options: PackOptions): Promise<Uint8Array[]> {
  let packer = createFramePacker(options)
  const frames: Uint8Array[] = []
  for (const piece of pieces) {
    frames.push(...(await packer.add(piece)))
    packer = createFramePacker(options, packer.state())
  }
  return [...frames, ...(await packer.end())]
}
async function* streamOf(pieces: Uint8Array[]) {
  yield* pieces
}
function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [
    0,
    ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ]
  return places.slice(1).map((end, at) => bytes.subarray(places[at], end))
}

describe.each(['gzip', 'zstd'] as const)('an output packed with %s', (compression) => {
  const options = { compression, linesOfFrame: 3, bytesOfFrame: 40 }

  test('has the same bytes however its text arrives, and gives all of it back', async () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'ä', '\n', '"', ' '), maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(500)), async (lines, cuts) => {
        const text = Buffer.from(lines.map((one) => `${one}\n`).join(''))
        const whole = Buffer.concat(await packAll([text], options))
        expect(Buffer.concat(await packAll(cutAt(text, cuts), options))).toEqual(whole)
        const stream = unpack(streamOf([whole]), { compression, packedBytes: whole.length })
        expect(Buffer.concat(await Array.fromAsync(stream))).toEqual(text)
      }),
      { numRuns: 60 },
    )
  })

  test('has so many lines a frame, fewer where they are long, and no broken one', async () => {
    const text = Buffer.from(`1\n2\n3\n4\n${'x'.repeat(50)}\n5\n6`)
    const read = compression === 'gzip' ? gunzipSync : zstdDecompressSync
    const frames = (await packAll([text], options)).map((frame) => read(frame).toString())
    expect(frames).toEqual(['1\n2\n3\n', `4\n${'x'.repeat(50)}\n`, '5\n6'])
  })

  test('is one empty frame where there is nothing', async () => {
    const [frame, ...others] = await packAll([], { compression })
    expect(others).toEqual([])
    const stream = unpack(streamOf([frame ?? Buffer.alloc(0)]), { compression, packedBytes: 20 })
    expect(await Array.fromAsync(stream)).toEqual([])
  })
})
