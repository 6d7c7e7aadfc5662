import { describe, expect, it } from 'vitest'
import type { Caller } from '#shared/access/caller.ts'
import type { KeyChanges } from '#shared/access/key-store.ts'
import { type KeyRights, requireGrant } from '#shared/access/require-grant.ts'
import { requireReach } from '#shared/access/require-reach.ts'

type Own = Partial<Pick<Caller, 'mode' | 'project' | 'limits' | 'models' | 'allowedIps'>>

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
    ['a key where the own has no limit', { limits: {} }, {}],
    ['addresses where all are allowed', {}, { allowedIps: ['::1'] }],
    [
      'some of the addresses',
      { allowedIps: ['10.0.0.0/8', '::1'] },
      { allowedIps: ['10.1.0.0/16'] },
    ],
    ['the own key', { limits }, { id: 'own' }],
    ['the own key', { allowedIps: ['::1'], models: ['iris'] }, { id: 'own' }],
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
    ['limits', { limits }, {}],
    ...(['monthlySpend', 'dailyCalls', 'concurrency', 'rate'] as const).map(
      (name): [string, Own, object] => ['limits', { limits: { [name]: limits[name] } }, {}],
    ),
    ['limits', { limits: { dailyCalls: 0 } }, { id: 'other' }],
    ['addresses', { allowedIps: ['::1'] }, {}],
    ['addresses', { allowedIps: ['10.0.0.0/8'] }, { allowedIps: ['10.0.0.1', '11.0.0.1'] }],
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
    ['own limits', {}, { id: 'own' }, { allowedIps: null }],
    ['limits', { limits: { dailyCalls: 1 } }, {}, { limits: { dailyCalls: 1 } }],
    ['addresses', { allowedIps: ['::1'] }, { allowedIps: ['::1'] }, { allowedIps: null }],
    ['addresses', { allowedIps: ['::1'] }, { allowedIps: ['::1'] }, { allowedIps: ['::2'] }],
    ['addresses', { allowedIps: ['::1'] }, {}, { allowedIps: ['::1'] }],
    ['models', { models: ['iris'] }, { models: ['iris'] }, { models: null }],
  ])('a key may not be changed where it is about %s', (detail, own, before, changes) => {
    expect(() => requireGrant({ ...caller, ...own }, { ...key, ...before }, changes)).toThrow(
      refused(detail),
    )
  })

  it('a key may be changed within what one has, and its other rights stay', () => {
    const narrow = { ...caller, allowedIps: ['10.0.0.0/8'], models: ['iris'] }
    const other = { ...key, id: 'other', allowedIps: ['10.0.0.1'], models: ['iris'] }
    expect(() => requireGrant(narrow, other, { limits: { dailyCalls: 4 } })).not.toThrow()
    expect(() => requireGrant(narrow, other, { allowedIps: ['10.0.0.0/8'] })).not.toThrow()
    expect(() => requireGrant(narrow, other, {})).not.toThrow()
    expect(() => requireGrant(caller, other, { limits: null, models: null })).not.toThrow()
  })

  it('the subject of a token has no key of its own', () => {
    const subject: Caller = { ...caller, method: 'jwt', subject: 'own' }
    expect(() => requireGrant(subject, { ...key, id: 'own' }, { limits: null })).not.toThrow()
  })
})

it('a key may be ended by whoever has its scopes and mode, limited or not', () => {
  const limited: Caller = { ...caller, limits, models: ['iris'], project: 'web' }
  expect(() => requireReach(limited, key)).not.toThrow()
  expect(() => requireReach(limited, { ...key, scopes: ['admin'] })).toThrow(refused('"admin"'))
  expect(() => requireReach({ ...limited, mode: 'test' }, key)).toThrow(refused('"live"'))
})

it('an administrator may grant and change everything', () => {
  const admin: Caller = { ...caller, mode: 'test', scopes: ['admin'], project: 'web', limits }
  expect(() => requireGrant(admin, { ...key, scopes: ['admin'] })).not.toThrow()
  expect(() => requireGrant(admin, { ...key, id: 'own' }, { limits: null })).not.toThrow()
})
