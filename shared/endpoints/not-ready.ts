import { ServiceError } from '#shared/errors/service-error.ts'

/** Whatever keeps a model from serving, a readiness probe hears 503 (Open Inference Protocol v2). */
export function notReady(thrown: unknown): never {
  const { detail, model, code, cause, retryAfterSeconds } = ServiceError.from(thrown)
  throw new ServiceError('model_not_ready', {
    detail: `${detail ?? 'The model cannot be loaded.'} (${code})`,
    ...(model !== undefined && { model }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    cause: cause ?? thrown,
  })
}
