import { createHash } from 'node:crypto'
import { assert, constantFrom, integer, property, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import { resumableDigest } from '#shared/batch/resumable-digest.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('is the SHA-256 of every length around a block', () => {
  for (let size = 0; size <= 200; size += 1) {
    const bytes = Uint8Array.from({ length: size }, (_, at) => (at * 37) & 255)
    const digest = resumableDigest()
    digest.update(bytes)
    expect(digest.digest()).toBe(sha256(bytes))
  }
})

test('is the same when it is put down after any piece and taken up again', () => {
  assert(
    property(
      uint8Array({ maxLength: 500 }),
      integer({ min: 1, max: 130 }),
      constantFrom(1, 2, 3),
      (bytes, pieceBytes, every) => {
        let digest = resumableDigest()
        for (let at = 0, piece = 0; at < bytes.length; at += pieceBytes, piece += 1) {
          digest.update(bytes.subarray(at, at + pieceBytes))
          if (piece % every === 0) digest = resumableDigest(digest.state)
        }
        expect(digest.digest()).toBe(sha256(bytes))
      },
    ),
  )
})
