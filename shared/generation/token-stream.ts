import type { GeneratedToken } from './generator.ts'

/** Where the tokens of one generation go. Nothing happens once it is over. */
export interface TokenSink {
  push(token: GeneratedToken): void
  end(): void
  fail(error: unknown): void
  /** Ended, failed, or the reader has gone. */
  readonly isOver: boolean
}

export interface TokenStreamOptions {
  /** Called when the first token is asked for. What it throws, the reader gets. */
  start: (sink: TokenSink) => void
  /** Called once where the reader goes before the end: by `return`, or by `signal`. */
  leave?: () => void
  signal?: AbortSignal | undefined
}

/**
 * Tokens from whoever makes them to whoever reads them. Going is never late: an abort ends the wait
 * for a token at once. Unread tokens are kept, as many as a generation has at most.
 */
export function tokenStream(options: TokenStreamOptions): AsyncIterableIterator<GeneratedToken> {
  const { start, leave, signal } = options
  const unread: GeneratedToken[] = []
  const readers: PromiseWithResolvers<IteratorResult<GeneratedToken>>[] = []
  let hasStarted = false
  let isOver = false
  let failure: { readonly error: unknown } | undefined

  const serve = () => {
    while (readers.length > 0 && (unread.length > 0 || isOver)) {
      const reader = readers.shift()
      const value = unread.shift()
      if (value) reader?.resolve({ done: false, value })
      else if (failure) reader?.reject(failure.error)
      else reader?.resolve({ done: true, value: undefined })
      if (!value) failure = undefined
    }
  }
  const finish = () => {
    isOver = true
    signal?.removeEventListener('abort', go)
    serve()
  }
  const go = () => {
    if (isOver) return
    unread.length = 0
    finish()
    if (hasStarted) leave?.()
  }
  const sink: TokenSink = {
    get isOver() {
      return isOver
    },
    push(token) {
      if (isOver) return
      unread.push(token)
      serve()
    },
    end() {
      if (!isOver) finish()
    },
    fail(error) {
      if (isOver) return
      failure = { error }
      finish()
    },
  }
  const begin = () => {
    if (signal?.aborted) return go()
    hasStarted = true
    signal?.addEventListener('abort', go, { once: true })
    try {
      start(sink)
    } catch (error) {
      sink.fail(error)
    }
  }

  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next() {
      const reader = Promise.withResolvers<IteratorResult<GeneratedToken>>()
      readers.push(reader)
      if (!hasStarted && !isOver) begin()
      serve()
      return reader.promise
    },
    async return() {
      unread.length = 0
      go()
      return { done: true, value: undefined }
    },
  }
}
