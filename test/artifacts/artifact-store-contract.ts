import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ArtifactRef, ArtifactStore } from '#shared/artifacts/artifact-store.ts'
import { makePieces } from '#shared/artifacts/make-pieces.ts'

/** A store on trial, and a way to put bytes into it behind its back. */
export interface StoreOnTrial {
  store: ArtifactStore
  damage(key: string, bytes: Uint8Array): Promise<void>
  close?(): Promise<void>
}

/** The same bytes on every run, without a repetition that could hide a shift. */
export function someBytes(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[index] = state >>> 24
  }
  return bytes
}

export const refOf = (key: string, bytes: Uint8Array, withPieces = false): ArtifactRef => ({
  key,
  sha256: createHash('sha256').update(bytes).digest('hex'),
  bytes: bytes.length,
  ...(withPieces && { pieces: makePieces(bytes) }),
})

export const flipBit = (bytes: Uint8Array, at: number) =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))

/** What every artifact store promises, whatever is behind it. */
export function artifactStoreContract(name: string, open: () => Promise<StoreOnTrial>) {
  describe(name, () => {
    let trial: StoreOnTrial
    let store: ArtifactStore
    beforeAll(async () => {
      trial = await open()
      store = trial.store
    }, 180_000)
    afterAll(() => trial?.close?.())

    const small = someBytes(1000)
    // Not a multiple of the piece, nor of the number of connections.
    const large = someBytes(5 * 1024 * 1024 + 17)
    // Never handed out whole, so that no cache has it.
    const unseen = someBytes(large.length, 2)

    test.each([
      ['one byte', someBytes(1), false],
      ['a small file', small, false],
      ['a large file without pieces', large, false],
      ['a large file with pieces', large, true],
    ])('hands out the very bytes that were published: %s', async (title, bytes, withPieces) => {
      const key = `same/${title.replaceAll(' ', '-')}.onnx`
      await store.publish(key, bytes)
      const fetched = await store.fetch(refOf(key, bytes, withPieces))
      expect(Buffer.compare(fetched, bytes)).toBe(0)
      expect(fetched.byteOffset).toBe(0)
      expect(fetched.buffer.byteLength).toBe(bytes.length)
    })

    test('replaces a file whole when other bytes are published under its key', async () => {
      await store.publish('replaced.onnx', small)
      await store.publish('replaced.onnx', small)
      await store.publish('replaced.onnx', large)
      const fetched = await store.fetch(refOf('replaced.onnx', large))
      expect(Buffer.compare(fetched, large)).toBe(0)
    })

    test('says that a file is not there', async () => {
      const fetched = store.fetch(refOf('no/such/file.onnx', unseen))
      await expect(fetched).rejects.toMatchObject({ code: 'artifact_not_found' })
    })

    test.each([
      ['the first byte', 0],
      ['the last byte', unseen.length - 1],
    ])('never hands out a file with one bit flipped in %s', async (title, at) => {
      const key = `flipped/${title.replaceAll(' ', '-')}`
      await store.publish(key, unseen)
      await trial.damage(key, flipBit(unseen, at))
      for (const withPieces of [false, true]) {
        const fetched = store.fetch(refOf(key, unseen, withPieces))
        await expect(fetched).rejects.toMatchObject({ code: 'artifact_digest_mismatch' })
      }
    })

    test.each([
      ['shorter', unseen.subarray(0, unseen.length - 1)],
      ['much shorter', unseen.subarray(0, 10)],
      ['longer', Buffer.concat([unseen, unseen.subarray(0, 1)])],
    ])('never hands out a file that is %s than its manifest says', async (title, bytes) => {
      const key = `length/${title.replaceAll(' ', '-')}`
      await store.publish(key, bytes)
      const fetched = store.fetch(refOf(key, unseen))
      await expect(fetched).rejects.toMatchObject({ code: 'artifact_truncated' })
    })

    test('never hands out a file whose pieces do not cover it, right as they are', async () => {
      await store.publish('uncovered.onnx', unseen)
      const { bytes, sha256 } = makePieces(unseen)
      const ref = refOf('uncovered.onnx', unseen)
      const fetched = store.fetch({ ...ref, pieces: { bytes, sha256: sha256.slice(0, -1) } })
      await expect(fetched).rejects.toMatchObject({ code: 'artifact_digest_mismatch' })
    })

    test('reports progress that ends at the size of the file', async () => {
      await store.publish('progress.onnx', large)
      const seen: number[] = []
      await store.fetch(refOf('progress.onnx', large), {
        onProgress: ({ receivedBytes, totalBytes }) => {
          expect(totalBytes).toBe(large.length)
          seen.push(receivedBytes)
        },
      })
      expect(seen).toEqual(seen.toSorted((a, b) => a - b))
      expect(seen.at(-1)).toBe(large.length)
    })

    test("rejects with the signal's reason when the caller gives up", async () => {
      await store.publish('given-up.onnx', large)
      const reason = new Error('enough')
      const early = store.fetch(refOf('given-up.onnx', large), {
        signal: AbortSignal.abort(reason),
      })
      await expect(early).rejects.toBe(reason)
      const caller = new AbortController()
      const midway = store.fetch(refOf('given-up.onnx', large), {
        signal: caller.signal,
        onProgress: () => caller.abort(reason),
      })
      await expect(midway).rejects.toBe(reason)
    })

    test.each([
      '../outside',
      'a/../../outside',
      '/absolute',
      'a//b',
      '',
      '.hidden',
      'a\\b',
      'a\0b',
    ])('refuses the key %j, which could leave its place', async (key) => {
      const refusal = { code: 'configuration_invalid' }
      await expect(store.publish(key, small)).rejects.toMatchObject(refusal)
      await expect(store.fetch(refOf(key, small))).rejects.toMatchObject(refusal)
      await expect(store.has({ key, bytes: 1 })).rejects.toMatchObject(refusal)
    })

    test('lists what lies under a prefix, in key order, with sizes', async () => {
      for (const key of ['list/b/2', 'list/a', 'list/b/10', 'listed']) {
        await store.publish(key, small.subarray(0, key.length))
      }
      expect(await Array.fromAsync(store.list('list/'))).toEqual([
        { key: 'list/a', bytes: 6 },
        { key: 'list/b/10', bytes: 9 },
        { key: 'list/b/2', bytes: 8 },
      ])
      const all = await Array.fromAsync(store.list())
      expect(all.map(({ key }) => key)).toContain('listed')
    })

    test('knows whether a file of that size is there', async () => {
      await store.publish('there.onnx', small)
      expect(await store.has(refOf('there.onnx', small))).toBe(true)
      expect(await store.has({ key: 'there.onnx', bytes: 999 })).toBe(false)
      expect(await store.has({ key: 'not-there.onnx', bytes: 1 })).toBe(false)
      expect(await store.has({ key: 'there.onnx/below', bytes: 1 })).toBe(false)
    })
  })
}
