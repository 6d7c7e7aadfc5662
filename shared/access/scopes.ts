import { ServiceError } from '#shared/errors/service-error.ts'

/** What credentials may allow, each with the sentence that help texts show. */
export const scopes = {
  predict: 'Call models.',
  'predict:high': 'Have jobs run before the other jobs of the own tenant.',
  'models:read': 'List the models and read what they take and return.',
  'account:read': 'Read the keys, usage and balance of the own tenant.',
  'account:write': 'Create and revoke keys of the own tenant and change its settings.',
  admin: 'Everything, for every tenant.',
} as const

export type Scope = keyof typeof scopes

export const isScope = (name: string): name is Scope => Object.hasOwn(scopes, name)

/**
 * The scopes of these names, each once and in the order of the table.
 * @throws ServiceError `parameter_invalid` for an unknown name, or where there is none at all
 */
export function parseScopes(names: readonly string[]): Scope[] {
  const known = Object.keys(scopes).filter(isScope)
  const detail = `Scopes are one or more of: ${known.join(', ')}.`
  if (names.length === 0 || !names.every(isScope)) {
    throw new ServiceError('parameter_invalid', { detail })
  }
  return known.filter((scope) => names.includes(scope))
}
