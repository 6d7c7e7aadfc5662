import { ServiceError } from '#shared/errors/service-error.ts'
import { type Model, modelKey } from './model.ts'

/**
 * Proves a loaded model on this very CPU: its sample must give the expected answer. Kernels differ
 * between CPU classes, so a right file alone is no proof.
 * @throws ServiceError `model_not_ready`
 */
export async function checkGoldenSample(model: Pick<Model, 'entry' | 'predict'>): Promise<void> {
  const { sample, expected } = model.entry
  const { outputs } = await model.predict({
    inputs: sample.inputs,
    parameters: sample.parameters ?? {},
  })
  const difference = largestDifference(outputs, expected.outputs)
  if (difference <= expected.tolerance) return
  throw new ServiceError('model_not_ready', {
    model: modelKey(model.entry),
    detail: `${modelKey(model.entry)} answers its golden sample ${
      Number.isFinite(difference) ? `${difference} away from` : 'in another form than'
    } the expected answer; ${expected.tolerance} is allowed.`,
  })
}

/**
 * The largest absolute difference of two numbers at the same place of two answers; Infinity where
 * anything else differs: structure, words, or a number that is none.
 */
export function largestDifference(actual: unknown, expected: unknown): number {
  if (typeof actual === 'number' && typeof expected === 'number') {
    return Number.isNaN(actual - expected) ? Number.POSITIVE_INFINITY : Math.abs(actual - expected)
  }
  if (!isObject(actual) || !isObject(expected)) {
    return actual === expected ? 0 : Number.POSITIVE_INFINITY
  }
  const names = Object.keys(expected)
  const sameForm =
    Array.isArray(actual) === Array.isArray(expected) && Object.keys(actual).length === names.length
  if (!sameForm) return Number.POSITIVE_INFINITY
  return names.reduce(
    (largest, name) => Math.max(largest, largestDifference(actual[name], expected[name])),
    0,
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
