import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createAuthenticator } from '#shared/access/authenticate.ts'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { pepperId } from '#shared/access/peppers.ts'
import { readPeppers } from '#shared/access/read-peppers.ts'
import { createSqliteKeyStore } from '#shared/access/sqlite-key-store.ts'
import { readEnvironment } from '#shared/config/environment.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-peppers-'))
const keyStore = createSqliteKeyStore({ path: join(directory, 'keys.sqlite') })
const first = 'the first pepper, of more than 32 characters'
const second = 'the second pepper, of more than 32 characters'
const wanted = { name: 'CI', scopes: ['predict'], mode: 'test' } as const

afterAll(() => {
  keyStore.close()
  rmSync(directory, { recursive: true })
})

describe('after the pepper was replaced', () => {
  const before = createKeyManager({ keyStore, pepper: first })
  const during = { keyStore, pepper: second, oldPepper: first }
  const manager = createKeyManager(during)
  const withoutOld = createAuthenticator({ keyStore, pepper: second })

  test('a key works while the one before is known, and each tells which one it needs', async () => {
    const authenticate = createAuthenticator(during)
    const old = await before.create(wanted)
    const fresh = await manager.create(wanted)
    expect(await authenticate({ apiKey: old.key })).toMatchObject({ keyId: old.summary.id })
    expect(await authenticate({ apiKey: fresh.key })).toMatchObject({ keyId: fresh.summary.id })
    expect((await manager.find(old.summary.id)).pepperId).toBe(pepperId(first))
    expect(fresh.summary.pepperId).toBe(pepperId(second))
    expect(await withoutOld({ apiKey: fresh.key })).toMatchObject({ keyId: fresh.summary.id })
    const unknown = expect.objectContaining({ code: 'api_key_unknown' })
    await expect(withoutOld({ apiKey: old.key })).rejects.toEqual(unknown)
  })

  test('rotation moves a key to the new one', async () => {
    const old = await before.create(wanted)
    const fresh = await manager.rotate(old.summary.id, { overlapSeconds: 60 })
    expect(fresh.summary.pepperId).toBe(pepperId(second))
    expect(await withoutOld({ apiKey: fresh.key })).toMatchObject({ keyId: fresh.summary.id })
  })

  test('a key that was asked for before is not made a second time', async () => {
    const once = { idempotencyKey: 'order-1' }
    const made = await before.create({ ...wanted, name: 'once' }, once)
    expect(await manager.create({ ...wanted, name: 'once' }, once)).toStrictEqual(made)
    const reused = expect.objectContaining({ code: 'idempotency_key_reused' })
    await expect(manager.create({ ...wanted, name: 'other' }, once)).rejects.toEqual(reused)
  })
})

test('the id of a pepper is short, always the same, and another for another', () => {
  expect(pepperId(first)).toMatch(/^[0-9a-f]{8}$/)
  expect(pepperId(first)).toBe(pepperId(first))
  expect(pepperId(first)).not.toBe(pepperId(second))
})

describe('the peppers of a machine', () => {
  const peppersOf = (variables: Record<string, string>) =>
    readPeppers(readEnvironment({ PERCALL_HOME: join(directory, 'home'), ...variables }))

  test('are those of the environment, an empty old one being none', () => {
    expect(peppersOf({ PERCALL_KEY_PEPPER: first, PERCALL_KEY_PEPPER_OLD: '' })).toEqual({
      pepper: first,
    })
    expect(peppersOf({ PERCALL_KEY_PEPPER: second, PERCALL_KEY_PEPPER_OLD: first })).toEqual({
      pepper: second,
      oldPepper: first,
    })
  })

  test('are files in its data folder; the one that is set aside as "pepper.old" is the old one', () => {
    const { pepper } = peppersOf({})
    expect(peppersOf({})).toEqual({ pepper })
    renameSync(join(directory, 'home/pepper'), join(directory, 'home/pepper.old'))
    const rotated = peppersOf({})
    expect(rotated.oldPepper).toBe(pepper)
    expect(rotated.pepper).not.toBe(pepper)
    expect(peppersOf({})).toEqual(rotated)
  })
})
