import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { modelKey } from './model.ts'

export function deadlineExceeded(entry: ModelEntry): ServiceError {
  return new ServiceError('deadline_exceeded', {
    model: modelKey(entry),
    detail: `${modelKey(entry)} did not answer within ${entry.manifest.limits.timeoutMs} ms.`,
  })
}
