import { ServiceError } from '#shared/errors/service-error.ts'
import type { Ending } from './killable-process.ts'

/** What those are told whose process has ended. */
export function processEnded({ kind, detail }: Ending): ServiceError {
  const cause = new Error(detail)
  if (kind === 'out-of-memory') {
    return new ServiceError('out_of_memory', {
      detail: 'The model took more memory on this input than it may.',
      cause,
    })
  }
  if (kind === 'timed-out') {
    return new ServiceError('deadline_exceeded', {
      detail: 'A run of the model did not end in time, and was stopped.',
      cause,
    })
  }
  return new ServiceError('inference_failed', {
    detail: 'The process that ran the model has ended.',
    cause,
  })
}
