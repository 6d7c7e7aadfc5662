import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ending } from '#shared/inference/killable-process.ts'
import { modelKey } from '#shared/inference/model.ts'
import type { ChunkWork } from '../scorer.ts'

/** What is told of a model whose processes end again and again. */
export function modelCrashed({ entry }: ChunkWork, { kind }: Ending): ServiceError {
  const key = modelKey(entry)
  return new ServiceError('model_crashed', {
    model: key,
    detail: `${key}: ${reasons[kind]}`,
  })
}

const reasons = {
  'timed-out': 'Its process took too long before the first record was scored.',
  'out-of-memory': 'Its process needed more memory than it may have.',
  crashed: 'Its process ended by itself.',
  stopped: 'Its process was stopped.',
} as const satisfies Record<Ending['kind'], string>
