import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type CompletionPiece,
  type CompletionRequest,
  complete,
} from '#shared/generation/complete.ts'
import { createStopCutter } from '#shared/generation/stop-cutter.ts'
import { createPatientModel } from './patient-model.ts'

const asked: CompletionRequest = {
  prompt: [1],
  maxTokens: 500,
  temperature: 0,
  topP: 1,
  seed: 1,
  stop: [],
}

async function written(text: string, more: Partial<CompletionRequest> = {}) {
  const model = createPatientModel(text)
  model.write(1_000)
  const pieces: CompletionPiece[] = []
  for await (const piece of complete(model, { ...asked, ...more }, { timeoutMs: 5_000 })) {
    pieces.push(piece)
  }
  return pieces
}
const textOf = (pieces: readonly CompletionPiece[]) => pieces.map(({ text }) => text).join('')

test('no piece holds half a character, though every token is one byte', async () => {
  const text = 'né 😀 👩‍👩‍👧 你好 \u{1f1e9}\u{1f1ea}'
  const pieces = await written(text)
  expect(textOf(pieces)).toBe(text)
  for (const piece of pieces) expect(piece.text).not.toMatch(/\ufffd|[\ud800-\udfff]$/u)
})

test('what is no character is shown as one that cannot be read, at the end, too', async () => {
  const model = createPatientModel('')
  const generate = async function* () {
    for (const token of [0x61, 0xff, 0xe4, 0xbd]) yield { token }
  }
  const broken = { ...model, generator: { ...model.generator, generate } }
  const pieces = await Array.fromAsync(complete(broken, asked, { timeoutMs: 5_000 }))
  expect(textOf(pieces)).toBe('a\ufffd\ufffd')
})

describe('stop sequences', () => {
  test('end the text before the first that comes, and the model with it', async () => {
    const pieces = await written('one two three four', { stop: ['three', 'two'] })
    expect(textOf(pieces)).toBe('one ')
    expect(pieces.at(-1)).toMatchObject({ finishReason: 'stop', outputTokens: 7 })
  })

  test('are held back while they may still come, and shown when they do not', async () => {
    const pieces = await written('a--b---c', { stop: ['---c', '--x'] })
    expect(textOf(pieces)).toBe('a--b')
    const others = await written('a--b--', { stop: ['---'] })
    expect(textOf(others)).toBe('a--b--')
    for (const { text } of pieces) expect(text).not.toMatch(/---/)
  })

  test('cut as if the text had been whole, however it comes', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '😀'), { maxLength: 30 })
    const word = fc.array(fc.constantFrom('a', 'b', '😀'), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(letters, fc.array(word, { maxLength: 4 }), (pieces, words) => {
        const stops = words.map((one) => one.join(''))
        const cutter = createStopCutter(stops)
        let shown = ''
        for (const piece of pieces) shown += cutter.push(piece)
        shown += cutter.end()
        const text = pieces.join('')
        // The first to be complete ends it; of those that are complete at once, the earliest begun.
        const ends = stops.map((stop) => text.indexOf(stop) + stop.length)
        const complete = stops.flatMap((stop, at) =>
          text.includes(stop) ? [{ at: text.indexOf(stop), end: ends[at] ?? 0 }] : [],
        )
        const first = Math.min(...complete.map(({ end }) => end))
        const begun = Math.min(...complete.filter(({ end }) => end === first).map(({ at }) => at))
        expect(cutter.stopped).toBe(complete.length > 0)
        expect(shown).toBe(complete.length > 0 ? text.slice(0, begun) : text)
      }),
    )
  })
})

test('says why it ended: no more room, or an end of its own', async () => {
  expect((await written('abc', { maxTokens: 2 })).at(-1)).toMatchObject({
    outputTokens: 2,
    finishReason: 'length',
  })
  expect((await written('abc')).at(-1)).toMatchObject({ outputTokens: 3, finishReason: 'stop' })
  // The stop token is counted and not shown.
  const ended = await written('ab\0cd')
  expect(textOf(ended)).toBe('ab')
  expect(ended.at(-1)).toMatchObject({ outputTokens: 3, finishReason: 'stop' })
})

test('returned while it waits, it ends at once, and the model with it', async () => {
  const model = createPatientModel('abc')
  const pieces = complete(model, asked, { timeoutMs: 5_000 })
  const waiting = pieces.next()
  await model.asked
  await pieces.return?.()
  expect(await waiting).toEqual({ done: true, value: undefined })
  await model.left
  model.write(3)
  expect(model.made()).toBe(0)
})

test('ends when its time is over', async () => {
  const model = createPatientModel('abc')
  const pieces = complete(model, asked, { timeoutMs: 20 })
  await expect(pieces.next()).rejects.toMatchObject({ code: 'deadline_exceeded' })
  await model.left
})
