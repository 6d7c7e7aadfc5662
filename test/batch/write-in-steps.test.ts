import { createHash } from 'node:crypto'
import { array, assert, asyncProperty, boolean, nat, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'
import type { ObjectStore } from '#shared/batch/object-store.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { type StepsOptions, writeInSteps } from '#shared/batch/write-in-steps.ts'
import { createMemoryObjectStore } from './chaos/memory-object-store.ts'

const key = 'outgoing/whole'
const now = () => 1_000
/** Longer than two pieces of the store, in blocks that fill none exactly. */
const blocks = Array.from({ length: 7 }, (_, at) => Buffer.alloc(100 + at, at))
const whole = Buffer.concat(blocks)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const optionsOf = (
  objects: ObjectStore,
  all: readonly Uint8Array[],
  until?: number,
): StepsOptions<number> => ({
  ...{ key, progressKey: 'jobs/1/progress', objects, now, until },
  async *steps(from = 0) {
    for (const [at, bytes] of all.slice(from).entries()) {
      // Memory that is used again: what is kept of it must be a copy.
      const lent = Buffer.from(bytes)
      yield { blocks: [lent], state: () => from + at + 1 }
      lent.fill(0xee)
    }
  },
})

async function stored(objects: ObjectStore): Promise<Buffer> {
  const object = await objects.head(key)
  return object ? readAll(objects.read(object)) : Buffer.from('nothing')
}

test('gives the same bytes and digest wherever runs end, and each run gets on', async () => {
  await assert(
    asyncProperty(
      array(uint8Array({ maxLength: 700 }), { maxLength: 6 }),
      array(boolean()),
      async (all, cuts) => {
        const objects = createMemoryObjectStore()
        let runs = 0
        for (;;) {
          const until = (cuts[runs] ?? true) ? 0 : 9_999
          const outcome = await writeInSteps(optionsOf(objects, all, until))
          runs += 1
          if (outcome.kind === 'unfinished') continue
          const bytes = Buffer.concat(all)
          expect(outcome).toEqual({
            kind: 'written',
            sizeBytes: bytes.length,
            sha256: sha256(bytes),
          })
          expect(await stored(objects)).toEqual(bytes)
          expect(runs).toBeLessThanOrEqual(all.length + 1)
          return
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('two who write at once, from anywhere, leave one object, whole', async () => {
  await assert(
    asyncProperty(nat(8), boolean(), async (before, together) => {
      const objects = createMemoryObjectStore()
      for (let run = 0; run < before; run += 1) await writeInSteps(optionsOf(objects, blocks, 0))
      const runs = [9_999, together ? 9_999 : 0].map(async (until) => {
        for (;;) {
          const outcome = await writeInSteps(optionsOf(objects, blocks, until)).catch((thrown) => {
            // The message comes again.
            if (thrown.code !== 'store_unavailable') throw thrown
            return { kind: 'unfinished' } as const
          })
          if (outcome.kind !== 'unfinished') return outcome
        }
      })
      for (const outcome of await Promise.all(runs)) {
        if (outcome.kind === 'written') expect(outcome.sha256).toBe(sha256(whole))
      }
      expect(await stored(objects)).toEqual(whole)
    }),
  )
})

test('begins anew where what was written so far has been cleared away', async () => {
  const objects = createMemoryObjectStore()
  const abandoned: ObjectStore = { ...objects, addPiece: async () => 'gone' }
  for (let run = 0; run < 4; run += 1) await writeInSteps(optionsOf(objects, blocks, 0))
  await expect(writeInSteps(optionsOf(abandoned, blocks, 9_999))).rejects.toMatchObject({
    code: 'store_unavailable',
  })
  expect(await writeInSteps(optionsOf(objects, blocks))).toMatchObject({ sha256: sha256(whole) })
  expect(await stored(objects)).toEqual(whole)
})

test('tells the digest again where the run that finished died before it could say so', async () => {
  const objects = createMemoryObjectStore()
  for (;;) {
    const { kind } = await writeInSteps(optionsOf(objects, blocks, 0))
    if (kind === 'written') break
  }
  expect(await writeInSteps(optionsOf(objects, blocks, 0))).toEqual({
    ...{ kind: 'written', sizeBytes: whole.length, sha256: sha256(whole) },
  })
})

test('leaves what is there as it is', async () => {
  const objects = createMemoryObjectStore()
  await objects.put(key, Buffer.from('first'))
  expect(await writeInSteps(optionsOf(objects, blocks))).toEqual({ kind: 'exists' })
  expect(String(await stored(objects))).toBe('first')
})

test('begins anew where it does not understand what an earlier version remembered', async () => {
  const objects = createMemoryObjectStore()
  await objects.put('jobs/1/progress', Buffer.from('{"shape": 1}'))
  expect(await writeInSteps(optionsOf(objects, blocks, 9_999))).toMatchObject({
    ...{ kind: 'written', sha256: sha256(whole) },
  })
})
