import { ServiceError } from '#shared/errors/service-error.ts'
import type { Generator, Tokenizer } from './generator.ts'
import { createStopCutter } from './stop-cutter.ts'

/** A model that writes, with the words it knows. */
export interface LanguageModel {
  readonly generator: Generator
  readonly tokenizer: Tokenizer
}

export interface CompletionRequest {
  readonly prompt: readonly number[]
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
  readonly seed: number
  /** Texts before which the answer ends. */
  readonly stop: readonly string[]
}

/** Whole characters that were written. */
export interface CompletionPiece {
  readonly text: string
  /** Tokens that were run so far, those of what is cut off included. */
  readonly outputTokens: number
  /** Of the last piece: a stop token or sequence came, or there was no more room. */
  readonly finishReason: 'stop' | 'length' | undefined
}

export interface CompleteOptions {
  /** How long all of it may take. */
  timeoutMs: number
  /** Ends it from outside. */
  signal?: AbortSignal | undefined
}

/**
 * Goes on with a prompt, piece by piece. A piece never holds half a character nor a part of a stop
 * sequence, whatever the borders of the tokens. Returned, it ends at once and the model runs no
 * further step, also while the next piece is waited for; a generator function would wait for it.
 *
 * @throws ServiceError those of the generator, `deadline_exceeded`
 */
export function complete(
  model: LanguageModel,
  request: CompletionRequest,
  { timeoutMs, signal }: CompleteOptions,
): AsyncIterableIterator<CompletionPiece, undefined> {
  const left = new AbortController()
  const deadline = AbortSignal.timeout(timeoutMs)
  const ends = AbortSignal.any([left.signal, deadline, ...(signal ? [signal] : [])])
  const pieces = write(model, request, ends)
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      const result = await unlessAborted(pieces.next(), ends)
      if (deadline.aborted) throw new ServiceError('deadline_exceeded')
      return result
    },
    async return() {
      left.abort()
      void pieces.return(undefined).catch(() => undefined)
      return { done: true, value: undefined }
    },
  }
}

const over = { done: true, value: undefined } as const

/** Whoever ends it is not kept waiting for a step under way. */
function unlessAborted(
  next: Promise<IteratorResult<CompletionPiece, undefined>>,
  signal: AbortSignal,
): Promise<IteratorResult<CompletionPiece, undefined>> {
  const { promise, resolve, reject } =
    Promise.withResolvers<IteratorResult<CompletionPiece, undefined>>()
  const end = () => resolve(over)
  signal.addEventListener('abort', end, { once: true })
  if (signal.aborted) end()
  // What fails because it was ended has not failed.
  next.then(resolve, (thrown) => (signal.aborted ? end() : reject(thrown)))
  return promise.finally(() => signal.removeEventListener('abort', end))
}

async function* write(
  { generator, tokenizer }: LanguageModel,
  { stop, ...asked }: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<CompletionPiece, undefined> {
  const { stopTokens } = tokenizer
  const cutter = createStopCutter(stop)
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  let outputTokens = 0
  let hasStopped = false
  for await (const { token } of generator.generate({ ...asked, stopTokens, signal })) {
    outputTokens += 1
    hasStopped = stopTokens.includes(token)
    if (hasStopped) break
    const text = cutter.push(utf8.decode(tokenizer.decodeBytes([token]), { stream: true }))
    hasStopped = cutter.stopped
    if (hasStopped) {
      yield { text, outputTokens, finishReason: 'stop' }
      return
    }
    if (text !== '') yield { text, outputTokens, finishReason: undefined }
  }
  if (signal.aborted) return
  const text = cutter.push(utf8.decode()) + cutter.end()
  const isWhole = hasStopped || cutter.stopped || outputTokens < asked.maxTokens
  yield { text, outputTokens, finishReason: isWhole ? 'stop' : 'length' }
}
