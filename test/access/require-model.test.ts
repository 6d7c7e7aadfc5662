import { expect, test } from 'vitest'
import { requireModel } from '#shared/access/require-model.ts'

test('lets a key call the models on its list, and every model where it has none', () => {
  expect(() => requireModel({ models: ['iris', 'spam'] }, 'spam')).not.toThrow()
  expect(() => requireModel({}, 'spam')).not.toThrow()
  for (const models of [[], ['iris'], ['spam2']]) {
    expect(() => requireModel({ models }, 'spam')).toThrow(
      expect.objectContaining({ code: 'model_not_allowed', status: 403 }),
    )
  }
})
