import { ServiceError } from '#shared/errors/service-error.ts'

/** Of a model that writes (`shared/generation`), where a task is asked for. */
export const writingHasNoTask = (): ServiceError =>
  new ServiceError('input_invalid', {
    detail:
      'This model writes text, token by token: it scores no files of records and has no estimate.',
    fix: 'Ask it by POST /v1/chat/completions or POST /v1/completions.',
  })
