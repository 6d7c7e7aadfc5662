import type { LanguageModel } from '#shared/generation/complete.ts'
import type { GenerateRequest, Generator } from '#shared/generation/generator.ts'
import { type TokenSink, tokenStream } from '#shared/generation/token-stream.ts'

export interface PatientModel extends LanguageModel {
  /** Tokens that were made so far, of all texts. */
  readonly made: () => number
  /** Asked for the first time. */
  readonly asked: Promise<GenerateRequest>
  /** When the last text was left by its reader, in milliseconds of `performance.now`. */
  readonly left: Promise<number>
  /** Lets the model write this many more tokens, or fail. */
  write(count: number): void
  fail(error: Error): void
}

/** A model that writes a text, a letter a token, each when it is told to. Its tokens are bytes. */
export function createPatientModel(text: string): PatientModel {
  const bytes = Buffer.from(text)
  const asked = Promise.withResolvers<GenerateRequest>()
  const left = Promise.withResolvers<number>()
  let made = 0
  let allowed = 0
  let sink: TokenSink | undefined
  let most = 0
  const work = () => {
    if (!sink) return
    const whole = Math.min(most, bytes.length)
    while (made < Math.min(allowed, whole) && !sink.isOver) {
      sink.push({ token: bytes[made] ?? 0 })
      made += 1
    }
    if (made === whole) sink.end()
  }
  const generator: Generator = {
    contextTokens: 1_000,
    close: async () => undefined,
    generate: (request) =>
      tokenStream({
        signal: request.signal,
        leave: () => left.resolve(performance.now()),
        start(started) {
          sink = started
          most = request.maxTokens
          asked.resolve(request)
          work()
        },
      }),
  }
  return {
    generator,
    tokenizer: {
      encode: (words) => [...Buffer.from(words)],
      decodeBytes: (tokens) => Uint8Array.from(tokens),
      chat: (messages) => [...Buffer.from(messages.map(({ content }) => content).join('\n'))],
      stopTokens: [0],
    },
    made: () => made,
    asked: asked.promise,
    left: left.promise,
    write(count) {
      allowed += count
      work()
    },
    fail: (error) => sink?.fail(error),
  }
}
