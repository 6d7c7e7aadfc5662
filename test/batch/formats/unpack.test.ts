import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Compression, type UnpackOptions, unpack } from '#shared/batch/formats/unpack.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

const packers = { gzip: gzipSync, zstd: zstdCompressSync }

async function* inBlocks(bytes: Uint8Array, blockBytes: number) {
  for (let at = 0; at < bytes.length; at += blockBytes) yield bytes.subarray(at, at + blockBytes)
}

async function unpackAll(
  packed: Uint8Array,
  compression: Compression,
  { blockBytes = 7, ...options }: Partial<UnpackOptions> & { blockBytes?: number } = {},
): Promise<string> {
  const parts: Uint8Array[] = []
  const all = { compression, packedBytes: packed.length, ...options }
  for await (const block of unpack(inBlocks(packed, blockBytes), all)) parts.push(block)
  return Buffer.concat(parts).toString()
}

const invalid = (detail: string) => ({
  code: 'batch_input_invalid',
  detail: expect.stringContaining(detail),
})

describe.each(['gzip', 'zstd'] as const)('unpacking %s', (compression) => {
  const pack = packers[compression]

  it('joins all members, wherever the blocks are cut', async () => {
    const members = fc.array(fc.string(), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(members, fc.integer({ min: 1, max: 60 }), async (texts, blockBytes) => {
        const packed = Buffer.concat(texts.map((text) => pack(text)))
        expect(await unpackAll(packed, compression, { blockBytes })).toBe(texts.join(''))
      }),
      { numRuns: 100, seed: 9 },
    )
  })

  it('unpacks what is far larger than a block', async () => {
    const text = Array.from({ length: 300_000 }, (_, index) => `line ${index}\n`).join('')
    const packed = Buffer.concat([pack(text), pack(text)])
    expect((await unpackAll(packed, compression, { blockBytes: 65_536 })) === text + text).toBe(
      true,
    )
  })

  it('refuses what is cut off or damaged, wherever', async () => {
    const packed = pack('hello world, hello world, hello world')
    for (let length = 1; length < packed.length; length++) {
      const unpacking = unpackAll(packed.subarray(0, length), compression)
      await expect(unpacking).rejects.toMatchObject(invalid('damaged or cut off'))
    }
  })

  it('drops nothing that follows and is not packed', async () => {
    const packed = Buffer.concat([pack('hello'), Buffer.from('a line of plain text')])
    for (const blockBytes of [1, 5, 100]) {
      const unpacking = unpackAll(packed, compression, { blockBytes })
      await expect(unpacking).rejects.toMatchObject(invalid('damaged or cut off'))
    }
  })

  it('stops a bomb at the limit, and names it', async () => {
    const bomb = pack(Buffer.alloc(100_000_000))
    let given = 0
    const unpacking = (async () => {
      const options = { compression, packedBytes: bomb.length }
      for await (const block of unpack(inBlocks(bomb, 65_536), options)) given += block.length
    })()
    await expect(unpacking).rejects.toMatchObject(invalid('200 times its size'))
    expect(given).toBeLessThan(21_000_000)
    const limited = unpackAll(pack('x'.repeat(1_000)), compression, { maxBytes: 999 })
    await expect(limited).rejects.toMatchObject(invalid('more than 999 bytes'))
  })

  it('lets a store that fails fail', async () => {
    const failing = async function* () {
      yield pack('hello').subarray(0, 5)
      throw new ServiceError('store_unavailable')
    }
    const unpacking = (async () => {
      for await (const _ of unpack(failing(), { compression, packedBytes: 100 }));
    })()
    await expect(unpacking).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('closes its source when nobody reads on', async () => {
    let closed = false
    const endless = async function* () {
      try {
        for (;;) yield pack('hello')
      } finally {
        closed = true
      }
    }
    for await (const _ of unpack(endless(), { compression, packedBytes: 1_000 })) break
    expect(closed).toBe(true)
  })
})

describe('unpacking gzip', () => {
  it('finds out a size that is a lie', async () => {
    const packed = Buffer.from(gzipSync('hello'))
    packed.writeUInt32LE(1, packed.length - 4)
    await expect(unpackAll(packed, 'gzip')).rejects.toMatchObject(invalid('damaged'))
  })

  it('takes zeros behind the end for padding, as gzip does', async () => {
    expect(await unpackAll(Buffer.concat([gzipSync('hello'), Buffer.alloc(500)]), 'gzip')).toBe(
      'hello',
    )
  })
})
