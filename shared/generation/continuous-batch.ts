import type { GenerateRequest } from './generator.ts'
import { sampleToken } from './sample-token.ts'
import type { StepModel } from './step-model.ts'
import type { TokenSink } from './token-stream.ts'

export interface ContinuousBatchOptions {
  model: StepModel
  vocabulary: number
  contextTokens: number
  /** Texts that are read or written at once; the model has one slot more, to swap two. */
  slots: number
  /** Tokens of a prompt that are read in one run: longer ones wait for a step of the others. */
  chunkTokens: number
}

/** Generations that share the runs of a model. They join and leave between two steps. */
export interface ContinuousBatch {
  /** Those that wait, read or write, and are not over. */
  readonly size: number
  join(request: GenerateRequest, random: () => number, sink: TokenSink): void
  /**
   * At most two runs: a piece of one prompt, and one token of every text that is being written.
   * Never throws: a failed run fails those that took part.
   */
  step(): Promise<void>
}

interface Sequence {
  readonly request: GenerateRequest
  readonly random: () => number
  readonly sink: TokenSink
  /** Tokens in the cache. */
  length: number
  written: number
  /** The token that was drawn last and that the model has not read yet. */
  token: number
}

export function createContinuousBatch(options: ContinuousBatchOptions): ContinuousBatch {
  const { model, vocabulary, contextTokens, slots, chunkTokens } = options
  const waiting: Sequence[] = []
  // Slots from 0 are those of `writing`, in its order, so that one run takes them all; those of
  // `reading` follow, in its order. The slot after the last is spare.
  const writing: Sequence[] = []
  const reading: Sequence[] = []

  function dropThoseOver(): void {
    for (let at = waiting.length - 1; at >= 0; at -= 1) {
      if (waiting[at]?.sink.isOver) waiting.splice(at, 1)
    }
    for (let at = reading.length - 1; at >= 0; at -= 1) {
      if (reading[at]?.sink.isOver) fillGap(reading, at, writing.length)
    }
    for (let at = writing.length - 1; at >= 0; at -= 1) {
      if (!writing[at]?.sink.isOver) continue
      fillGap(writing, at, 0)
      // The slot of the last writer has become free in front of the readers.
      const last = reading.pop()
      if (!last) continue
      model.copy(writing.length + 1 + reading.length, writing.length, last.length)
      reading.unshift(last)
    }
  }

  /** Takes a sequence out of a list whose slots begin at `first`; the last one takes its place. */
  function fillGap(list: Sequence[], at: number, first: number): void {
    const last = list.pop()
    if (!last || at === list.length) return
    model.copy(first + list.length, first + at, last.length)
    list[at] = last
  }

  function admit(): void {
    while (waiting.length > 0 && writing.length + reading.length < slots) {
      reading.push(waiting.shift() as Sequence)
    }
  }

  /** Room for what this step adds: to a prompt a piece, and to any text the token drawn last. */
  function makeRoom(): void {
    let longest = 0
    for (const { length, request } of reading) {
      longest = Math.max(longest, Math.min(length + chunkTokens, request.prompt.length))
    }
    for (const { length } of writing) longest = Math.max(longest, length)
    model.fit(writing.length + reading.length, longest + 1)
  }

  /** Of the prompts the one that had least so far: a short one is not kept waiting by a long one. */
  async function readPiece(): Promise<void> {
    const [first] = reading
    if (!first) return
    const sequence = reading.reduce((least, other) => (other.length < least.length ? other : least))
    const at = reading.indexOf(sequence)
    const { prompt } = sequence.request
    const piece = prompt.slice(sequence.length, sequence.length + chunkTokens)
    try {
      const logits = await model.readMany(writing.length + at, sequence.length, piece)
      sequence.length += piece.length
      if (sequence.length < prompt.length) return
      // Its slot becomes the first of the readers, which is the next of the writers.
      if (at > 0) swap(at, sequence, first)
      reading.shift()
      writing.push(sequence)
      draw(sequence, logits)
    } catch (error) {
      sequence.sink.fail(error)
    }
  }

  function swap(at: number, sequence: Sequence, first: Sequence): void {
    const [slot, target] = [writing.length + at, writing.length]
    model.copy(target, slots, first.length)
    model.copy(slot, target, sequence.length)
    model.copy(slots, slot, first.length)
    reading[0] = sequence
    reading[at] = first
  }

  async function writeOneEach(): Promise<void> {
    if (writing.length === 0) return
    try {
      const logits = await model.readOneEach(writing)
      for (const [at, sequence] of writing.entries()) {
        sequence.length += 1
        draw(sequence, logits.subarray(at * vocabulary, (at + 1) * vocabulary))
      }
    } catch (error) {
      for (const { sink } of writing) sink.fail(error)
    }
  }

  function draw(sequence: Sequence, logits: Float32Array): void {
    const { request, random, sink } = sequence
    if (sink.isOver) return
    const drawn = sampleToken(logits, { ...request, random })
    sequence.token = drawn.token
    sequence.written += 1
    sink.push(drawn)
    const isLast =
      request.stopTokens.includes(drawn.token) ||
      sequence.written >= request.maxTokens ||
      request.prompt.length + sequence.written >= contextTokens
    if (isLast) sink.end()
  }

  return {
    get size() {
      const all = [...waiting, ...reading, ...writing]
      return all.reduce((count, { sink }) => (sink.isOver ? count : count + 1), 0)
    },
    join(request, random, sink) {
      waiting.push({ request, random, sink, length: 0, written: 0, token: 0 })
    },
    async step() {
      dropThoseOver()
      admit()
      makeRoom()
      await readPiece()
      dropThoseOver()
      await writeOneEach()
      dropThoseOver()
    },
  }
}
