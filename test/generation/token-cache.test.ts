import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createTokenCache, type TokenCache } from '#shared/generation/token-cache.ts'

const [layers, kvHeads, headSize, slots, contextTokens] = [2, 3, 4, 4, 300] as const

/** A token of a text, as each head of each part has it: told apart by all that they are of. */
const value = (text: number, token: number, head: number, part: number) =>
  ((text * 1_000 + token) * kvHeads + head) * layers * 2 + part

/** Where a head of a slot begins in what the model is given, and how many tokens it has room for. */
function* heads(cache: TokenCache, slot: number) {
  const { past, present } = cache.rows(slot, 1)
  for (const [part, name] of Object.keys(past).entries()) {
    const { data, shape } = past[name] as { data: Float32Array; shape: readonly number[] }
    expect(present[name.replace('past_key_values', 'present')]?.data).toBe(data)
    expect(data.length).toBe(shape.reduce((product, size) => product * size))
    const room = shape[2] as number
    for (let head = 0; head < kvHeads; head += 1) {
      yield { head, part, room, tokens: data.subarray(head * room * headSize) }
    }
  }
}

const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ slot: fc.nat(slots - 1), adds: fc.nat(120) }) },
  fc.record({ from: fc.nat(slots - 1), to: fc.nat(slots - 1) }),
  fc.record({ ends: fc.nat(slots - 1) }),
)

it('keeps every token of every slot, however texts grow, move and end', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const cache = createTokenCache({ layers, kvHeads, headSize }, { slots, contextTokens })
      const held = Array.from({ length: slots }, (_, text) => ({ text, length: 0 }))
      const makeRoom = () => cache.fit(slots, Math.max(...held.map(({ length }) => length)))
      for (const [at, each] of changes.entries()) {
        if ('slot' in each) {
          const text = held[each.slot] ?? { text: 0, length: 0 }
          const first = text.length
          text.length = Math.min(first + each.adds, contextTokens)
          makeRoom()
          for (const { head, part, tokens } of heads(cache, each.slot)) {
            for (let token = first; token < text.length; token += 1) {
              const filled = value(text.text, token, head, part)
              tokens.fill(filled, token * headSize, (token + 1) * headSize)
            }
          }
        } else if ('from' in each) {
          const source = held[each.from] ?? { text: 0, length: 0 }
          cache.copy(each.from, each.to, source.length)
          held[each.to] = { ...source }
        } else {
          held[each.ends] = { text: slots + at, length: 0 }
          makeRoom()
        }
      }
      for (const [slot, { text, length }] of held.entries()) {
        for (const { head, part, room, tokens } of heads(cache, slot)) {
          expect(room).toBeGreaterThanOrEqual(length)
          const found = Array.from({ length: length * headSize }, (_, place) => tokens[place])
          const wanted = found.map((_, place) =>
            value(text, Math.floor(place / headSize), head, part),
          )
          expect(found).toEqual(wanted)
        }
      }
    }),
    { numRuns: 60 },
  )
})

it('has room for little more than the longest text, since what a run gives back is copied', () => {
  const cache = createTokenCache({ layers, kvHeads, headSize }, { slots, contextTokens })
  const room = () => heads(cache, 0).next().value?.room
  cache.fit(slots, 1)
  expect(room()).toBe(64)
  cache.fit(slots, 65)
  expect(room()).toBe(128)
  cache.fit(slots, 300)
  expect(room()).toBe(300)
  cache.fit(slots, 64)
  expect(room()).toBe(64)
})
