import type { Worker } from 'node:worker_threads'
import { ServiceError } from '#shared/errors/service-error.ts'

/** Resolves once a worker thread has ended, with what those are told who were in it. */
export function threadEnded(worker: Worker): Promise<ServiceError> {
  let cause: unknown
  worker.on('error', (error) => {
    cause = error
  })
  return new Promise((resolve) => {
    worker.on('exit', () => {
      const detail = 'The thread that ran the model has ended.'
      resolve(new ServiceError('inference_failed', { detail, cause }))
    })
  })
}
