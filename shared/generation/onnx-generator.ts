import { ServiceError } from '#shared/errors/service-error.ts'
import type { Session } from '#shared/runtime/session.ts'
import { createContinuousBatch } from './continuous-batch.ts'
import type { GenerateRequest, Generator } from './generator.ts'
import { seededRandom } from './seeded-random.ts'
import { createStepModel, type ModelShape } from './step-model.ts'
import { tokenStream } from './token-stream.ts'

export interface GeneratorOptions {
  shape: ModelShape
  /** Prompt and answer together: at most what the model was made for. */
  contextTokens: number
  /** Generations that are read or written at once. */
  slots?: number
  /** Further ones that wait for a slot; those beyond are refused. */
  waiting?: number
  /** Tokens of a prompt that are read in one run. */
  chunkTokens?: number
}

/** Texts that are read or written at once. */
export const usualSlots = 8

/**
 * A generator over a session, in the thread that calls it: a run blocks that thread, and between
 * two runs its event loop turns. `generation-thread.ts` keeps it out of the way.
 */
export function createOnnxGenerator(
  session: Session,
  { shape, contextTokens, slots = usualSlots, waiting = 64, chunkTokens = 32 }: GeneratorOptions,
): Generator {
  const model = createStepModel({ session, shape, slots: slots + 1, contextTokens })
  const { vocabulary } = shape
  const batch = createContinuousBatch({ model, vocabulary, contextTokens, slots, chunkTokens })
  const closing = new AbortController()
  let work: Promise<void> | undefined

  const workOff = async () => {
    while (batch.size > 0) await batch.step()
    work = undefined
  }
  return {
    contextTokens,
    generate(request) {
      const { signal } = request
      return tokenStream({
        signal: signal ? AbortSignal.any([signal, closing.signal]) : closing.signal,
        start(sink) {
          check(request, { contextTokens, vocabulary })
          if (batch.size >= slots + waiting) {
            throw new ServiceError('overloaded', { retryAfterSeconds: 1 })
          }
          if (request.maxTokens < 1) return sink.end()
          batch.join(request, seededRandom(request.seed), sink)
          work ??= workOff()
        },
      })
    },
    async close() {
      closing.abort()
      await work
      await session.close()
    },
  }
}

function check(
  { prompt }: GenerateRequest,
  { contextTokens, vocabulary }: { contextTokens: number; vocabulary: number },
): void {
  if (prompt.length >= contextTokens) {
    throw new ServiceError('prompt_too_long', {
      detail: `The prompt has ${prompt.length} tokens; prompt and answer together have room for ${contextTokens}.`,
    })
  }
  const isKnown = (token: number) => Number.isInteger(token) && token >= 0 && token < vocabulary
  if (prompt.length === 0 || !prompt.every(isKnown)) {
    throw new ServiceError('input_invalid', {
      detail: 'The prompt is empty or holds a token that the model does not have.',
    })
  }
}
