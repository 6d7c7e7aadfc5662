import type { CompletionPiece } from '#shared/generation/complete.ts'
import type { HttpResponse } from './http-message.ts'
import { jsonResponse } from './http-message.ts'
import { encodeData } from './server-sent-events.ts'

/** How a text is to be written. */
export interface WritingSettings {
  readonly maxTokens: number | undefined
  readonly temperature: number
  readonly topP: number
  readonly seed: number | undefined
  readonly stop: readonly string[]
}

/** What is asked of a model that writes, whichever of the two routes it came by. */
export interface WritingAsked extends WritingSettings {
  readonly model: string
  readonly stream: boolean
  readonly includeUsage: boolean
}

interface WritingMembers {
  readonly model: string
  readonly temperature?: number | null | undefined
  readonly top_p?: number | null | undefined
  readonly seed?: number | null | undefined
  readonly stop?: string | string[] | null | undefined
  readonly stream?: boolean | null | undefined
  readonly stream_options?:
    | { readonly include_usage?: boolean | null | undefined }
    | null
    | undefined
}

/** With the defaults of the API. */
export const writingAsked = (members: WritingMembers): WritingAsked => ({
  model: members.model,
  maxTokens: undefined,
  temperature: members.temperature ?? 1,
  topP: members.top_p ?? 1,
  seed: members.seed ?? undefined,
  stop: members.stop == null ? [] : [members.stop].flat(),
  stream: members.stream ?? false,
  includeUsage: members.stream_options?.include_usage ?? false,
})

type FinishReason = NonNullable<CompletionPiece['finishReason']>

/** How one route writes the choice of an answer, whole or in pieces. */
export interface WritingFormat {
  readonly idPrefix: string
  readonly object: string
  readonly chunkObject: string
  whole(text: string, finishReason: FinishReason): object
  readonly opening: object | undefined
  piece(text: string): object
  last(finishReason: FinishReason): object
}

/** What is written, and what every part of the answer says of it. */
export interface Writing {
  readonly format: WritingFormat
  readonly id: string
  /** Epoch milliseconds. */
  readonly createdAt: number
  /** `smollm2@1`. */
  readonly model: string
  readonly inputTokens: number
  readonly includeUsage: boolean
  /** The first is there before the answer begins: what fails until then is an error like any other. */
  readonly first: CompletionPiece
  readonly rest: AsyncIterator<CompletionPiece, undefined>
}

/** The whole answer. */
export function encodeWriting(writing: Writing, text: string, last: CompletionPiece): HttpResponse {
  const { format } = writing
  const { outputTokens, finishReason = 'stop' } = last
  return {
    ...jsonResponse({
      ...headOf(writing, format.object),
      choices: [format.whole(text, finishReason)],
      usage: usageOf(writing, outputTokens),
    }),
    sold: { consumed: () => ({ outputTokens }) },
  }
}

/** The answer as server-sent events, one or more a piece. Its stream ends without `[DONE]`. */
export function streamWriting(writing: Writing): HttpResponse {
  const { rest, includeUsage, format } = writing
  const head = headOf(writing, format.chunkObject)
  const chunk = (choices: object[], usage: object | null = null) =>
    encodeData(JSON.stringify({ ...head, choices, ...(includeUsage && { usage }) }))
  let outputTokens = 0
  const encode = (piece: CompletionPiece): Uint8Array => {
    const isFirst = outputTokens === 0 && piece === writing.first
    outputTokens = piece.outputTokens
    const { text, finishReason } = piece
    return Buffer.concat([
      ...(isFirst && format.opening ? [chunk([format.opening])] : []),
      ...(text === '' ? [] : [chunk([format.piece(text)])]),
      ...(finishReason ? [chunk([format.last(finishReason)])] : []),
      ...(finishReason && includeUsage ? [chunk([], usageOf(writing, outputTokens))] : []),
    ])
  }
  let first: CompletionPiece | undefined = writing.first
  const events: AsyncIterator<Uint8Array, undefined> = {
    async next() {
      const next = first ? { done: false as const, value: first } : await rest.next()
      first = undefined
      return next.done ? next : { done: false, value: encode(next.value) }
    },
    async return() {
      await rest.return?.()
      return { done: true, value: undefined }
    },
  }
  return {
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // A proxy that collects an answer would undo the stream (nginx).
      'x-accel-buffering': 'no',
    },
    body: '',
    stream: { [Symbol.asyncIterator]: () => events },
    sold: { consumed: () => ({ outputTokens }), end: encodeData('[DONE]'), failure: encodeData },
  }
}

const headOf = ({ id, format, createdAt, model }: Writing, object: string) => ({
  id: `${format.idPrefix}${id}`,
  object,
  created: Math.floor(createdAt / 1_000),
  model,
})

const usageOf = ({ inputTokens }: Writing, outputTokens: number) => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
})
