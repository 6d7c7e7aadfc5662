import { expect, test } from 'vitest'
import { errorCodes } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

test.each(Object.entries(errorCodes))('%s is written for people', (code, row) => {
  expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
  expect(row.status).toBeGreaterThanOrEqual(400)
  expect(row.status).toBeLessThan(600)
  expect(row.title).toMatch(/^[A-Z].*\.$/)
  expect(row.fix).toMatch(/^[A-Z].*\.$/)
})

test('takes status and sentences from the table, and what is special from the thrower', () => {
  const cause = new Error('disk')
  const error = new ServiceError('overloaded', { detail: 'Why.', model: 'iris@1', cause })
  expect(error).toMatchObject({ ...errorCodes.overloaded, message: 'Why.', detail: 'Why.', cause })
  expect(new ServiceError('overloaded').message).toBe(errorCodes.overloaded.title)
  expect(new ServiceError('overloaded', { fix: 'Wait.' }).fix).toBe('Wait.')
})

test('takes anything else that is thrown for a fault of ours', () => {
  const known = new ServiceError('overloaded')
  expect(ServiceError.from(known)).toBe(known)
  for (const thrown of [new Error('x'), 'x', undefined]) {
    expect(ServiceError.from(thrown)).toMatchObject({ code: 'internal', cause: thrown })
  }
})
