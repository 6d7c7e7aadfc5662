import type { Scorer } from '#shared/batch/scorer.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

/**
 * A scorer that gives up what is not finished by then: the chunk is released, its process ended. A
 * function that is killed instead would leave both to be found.
 *
 * @param deadline epoch milliseconds
 */
export function endScoringAt(deadline: number, scorer: Scorer): Scorer {
  return {
    ...scorer,
    async open(work) {
      const opening = scorer.open(work)
      const chunk = await before(deadline, opening).catch((error) => {
        // Its process is free for others once it is open.
        void opening.then(({ close }) => close()).catch(() => undefined)
        throw error
      })
      return { ...chunk, score: () => before(deadline, chunk.score()) }
    },
  }
}

async function before<Result>(deadline: number, work: Promise<Result>): Promise<Result> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new ServiceError('chunk_timed_out')),
    Math.max(0, deadline - Date.now()),
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
