import { expect, test } from 'vitest'
import { requireScope } from '#shared/access/require-scope.ts'
import { parseScopes, scopes } from '#shared/access/scopes.ts'

const invalid = expect.objectContaining({ code: 'parameter_invalid' })

test('takes known scopes, each once and in the order of the table', () => {
  expect(parseScopes(['models:read', 'predict', 'predict'])).toEqual(['predict', 'models:read'])
  expect(parseScopes(Object.keys(scopes))).toEqual(Object.keys(scopes))
})

test('refuses unknown scopes, names that every object has, and none at all', () => {
  for (const names of [
    ['predict', 'everything'],
    ['toString'],
    ['__proto__'],
    ['Predict'],
    [''],
    [],
  ]) {
    expect(() => parseScopes(names), String(names)).toThrow(invalid)
  }
})

test('lets a caller pass with the very scope or with admin, and with nothing else', () => {
  const missing = expect.objectContaining({ code: 'scope_missing', status: 403 })
  expect(() => requireScope({ scopes: ['predict'] }, 'predict')).not.toThrow()
  expect(() => requireScope({ scopes: ['admin'] }, 'account:write')).not.toThrow()
  expect(() => requireScope({ scopes: ['account:write'] }, 'account:read')).toThrow(missing)
  expect(() => requireScope({ scopes: ['predict'] }, 'admin')).toThrow(missing)
  expect(() => requireScope({ scopes: [] }, 'predict')).toThrow(missing)
})
