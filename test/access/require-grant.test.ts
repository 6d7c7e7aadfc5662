import { describe, expect, it } from 'vitest'
import type { Caller } from '#shared/access/caller.ts'
import type { KeyChanges } from '#shared/access/key-store.ts'
import { type KeyRights, requireGrant } from '#shared/access/require-grant.ts'

type Own = Partial<Pick<Caller, 'mode' | 'project' | 'limits' | 'models'>>

const caller: Caller = {
  method: 'api-key',
  keyId: 'own',
  tenant: 'acme',
  mode: 'live',
  scopes: ['predict', 'account:write'],
}
const key: KeyRights = { mode: 'live', scopes: ['predict'] }
const limits = {
  monthlySpend: 1_000n,
  dailyCalls: 10,
  concurrency: 2,
  rate: { perMinute: 60, burst: 5 },
}
const refused = (detail: string) =>
  expect.objectContaining({
    code: 'scope_missing',
    status: 403,
    detail: expect.stringContaining(detail),
  })

describe('without admin', () => {
  it.each<[string, Own, Partial<KeyRights>]>([
    ['fewer scopes', {}, {}],
    ['the very scopes', {}, { scopes: caller.scopes }],
    ['a test key from a live one', {}, { mode: 'test' }],
    ['a test key from a test key', { mode: 'test' }, { mode: 'test' }],
    ['models where all are allowed', {}, { models: ['iris'] }],
    ['some of the models', { models: ['iris', 'spam'] }, { models: ['spam'] }],
    ['a project where there is none', {}, { project: 'web' }],
    ['the own project', { project: 'web' }, { project: 'web' }],
    ['limits where there are none', {}, { limits }],
    ['the very limits', { limits }, { limits }],
    ['one limit more', { limits: { dailyCalls: 10 } }, { limits }],
    ['lower limits', { limits }, { limits: { ...limits, monthlySpend: 999n, concurrency: 1 } }],
  ])('%s may be granted', (_, own, wanted) => {
    expect(() => requireGrant({ ...caller, ...own }, { ...key, ...wanted })).not.toThrow()
  })

  it.each<[string, Own, Partial<KeyRights>]>([
    ['the scope "admin"', {}, { scopes: ['predict', 'admin'] }],
    ['the scope "account:read"', {}, { scopes: ['account:read'] }],
    ['the mode "live"', { mode: 'test' }, {}],
    ['models', { models: ['iris'] }, {}],
    ['models', { models: ['iris'] }, { models: ['iris', 'spam'] }],
    ['project', { project: 'web' }, {}],
    ['project', { project: 'web' }, { project: 'shop' }],
    ['money a month', { limits }, {}],
    ['money a month', { limits }, { limits: { ...limits, monthlySpend: 1_001n } }],
    ['calls a day', { limits }, { limits: { ...limits, dailyCalls: 11 } }],
    ['calls a day', { limits }, { limits: { ...limits, dailyCalls: undefined } }],
    ['calls at a time', { limits }, { limits: { ...limits, concurrency: 3 } }],
    ['calls a minute', { limits }, { limits: { ...limits, rate: { perMinute: 61, burst: 5 } } }],
    ['calls at once', { limits }, { limits: { ...limits, rate: { perMinute: 60, burst: 6 } } }],
    ['calls a minute', { limits }, { limits: { ...limits, rate: undefined } }],
    ['calls a day', { limits: { dailyCalls: 0 } }, { limits: { dailyCalls: 1 } }],
  ])('more than one has may not: %s', (detail, own, wanted) => {
    expect(() => requireGrant({ ...caller, ...own }, { ...key, ...wanted })).toThrow(
      refused(detail),
    )
  })

  it.each<[string, Own, Partial<KeyRights>, KeyChanges]>([
    ['own limits', {}, { id: 'own' }, { limits: null }],
    ['own limits', {}, { id: 'own' }, { limits }],
    ['own limits', {}, { id: 'own' }, { models: ['iris'] }],
    ['the scope "admin"', {}, { id: 'other', scopes: ['admin'] }, {}],
    ['calls a day', { limits: { dailyCalls: 1 } }, { limits: { dailyCalls: 1 } }, { limits: null }],
    ['calls a day', { limits: { dailyCalls: 1 } }, {}, { limits: { dailyCalls: 1 } }],
    ['models', { models: ['iris'] }, { models: ['iris'] }, { models: null }],
  ])('a key may not be changed where it is about %s', (detail, own, before, changes) => {
    expect(() => requireGrant({ ...caller, ...own }, { ...key, ...before }, changes)).toThrow(
      refused(detail),
    )
  })

  it('a key may be changed within what one has, and its other rights stay', () => {
    const limited = { ...caller, limits: { dailyCalls: 5 }, models: ['iris'] }
    const other = { ...key, id: 'other', limits: { dailyCalls: 5 }, models: ['iris'] }
    expect(() => requireGrant(limited, other, { limits: { dailyCalls: 4 } })).not.toThrow()
    expect(() => requireGrant(limited, other, {})).not.toThrow()
    expect(() => requireGrant(caller, other, { limits: null, models: null })).not.toThrow()
  })

  it('the subject of a token has no key of its own', () => {
    const subject: Caller = { ...caller, method: 'jwt', subject: 'own' }
    expect(() => requireGrant(subject, { ...key, id: 'own' }, { limits: null })).not.toThrow()
  })
})

it('an administrator may grant and change everything', () => {
  const admin: Caller = { ...caller, mode: 'test', scopes: ['admin'], project: 'web', limits }
  expect(() => requireGrant(admin, { ...key, scopes: ['admin'] })).not.toThrow()
  expect(() => requireGrant(admin, { ...key, id: 'own' }, { limits: null })).not.toThrow()
})
