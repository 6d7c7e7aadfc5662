import { expect } from 'vitest'
import type { ErrorCode } from '#shared/errors/error-codes.ts'

/** A ServiceError of this code, for `toThrow` and `rejects`; `detail` must hold the words. */
export const refusal = (code: ErrorCode, ...words: readonly string[]) =>
  expect.objectContaining({
    name: 'ServiceError',
    code,
    ...(words.length > 0 && {
      detail: expect.stringMatching(
        new RegExp(words.map((word) => `(?=.*${literal(word)})`).join(''), 's'),
      ),
    }),
  })

const literal = (word: string) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
