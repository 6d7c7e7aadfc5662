import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { parseApiKey } from '#shared/access/api-key.ts'
import { createAuthenticator } from '#shared/access/authenticate.ts'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { createSqliteKeyStore } from '#shared/access/sqlite-key-store.ts'

const directory = mkdtempSync(join(tmpdir(), 'percall-manage-'))
const path = join(directory, 'keys.sqlite')
const keyStore = createSqliteKeyStore({ path })
const pepper = 'a pepper of more than 32 characters'
const now = () => 1_795_392_000_000
const managerOf = (tenant: string) => createKeyManager({ keyStore, pepper, tenant, now })
const wanted = { name: 'CI', scopes: ['predict'], mode: 'test' } as const

afterAll(() => {
  keyStore.close()
  rmSync(directory, { recursive: true })
})

test('makes a key that works and tells all about it but its hash', async () => {
  const { key, summary } = await managerOf('default').create({ ...wanted, expiresInDays: 30 })
  expect(summary).toStrictEqual({
    id: parseApiKey(key).id,
    tenant: 'default',
    name: 'CI',
    mode: 'test',
    scopes: ['predict'],
    createdAt: now(),
    expiresAt: now() + 30 * 86_400_000,
  })
  const authenticate = createAuthenticator({ keyStore, pepper, now })
  expect(await authenticate({ apiKey: key })).toMatchObject({ keyId: summary.id, mode: 'test' })
})

test('never writes the key to disk', async () => {
  const { key, summary } = await managerOf('default').create(wanted)
  const bytes = Buffer.concat([readFileSync(path), readFileSync(`${path}-wal`)])
  expect(bytes.includes(summary.id)).toBe(true)
  expect(bytes.includes(key.slice(16, 38))).toBe(false)
})

test('tries another id when the one it drew is taken', async () => {
  let drawn = 0
  // Draws the same id twice, with other secrets, then another.
  const newRandomBytes = (size: number) =>
    new Uint8Array(size).fill(size === 8 ? drawn++ >> 1 : drawn)
  const manager = createKeyManager({ keyStore, pepper, now, newRandomBytes })
  const first = await manager.create(wanted)
  const second = await manager.create(wanted)
  expect([first.summary.id, second.summary.id]).toEqual(['00000000', '11111111'])
})

test('refuses names, scopes, modes and expiries that make no sense', async () => {
  const bad = [
    ...['', ' x', '-x', 'x'.repeat(65), 'a\nb', '\u001b[31m', '<b>'].map((name) => ({ name })),
    ...[[], ['root']].map((scopes) => ({ scopes })),
    ...[0, -1, 1.5, Number.NaN, 3_651].map((expiresInDays) => ({ expiresInDays })),
  ]
  for (const part of bad) {
    const refusal = expect.objectContaining({ code: 'parameter_invalid' })
    await expect(managerOf('default').create({ ...wanted, ...part })).rejects.toEqual(refusal)
  }
  const { summary } = await managerOf('default').create({
    ...wanted,
    name: 'é 漢字 a.b_c@d-e',
    expiresInDays: 3_650,
  })
  expect(summary.name).toBe('é 漢字 a.b_c@d-e')
})

test("neither shows nor revokes another tenant's key", async () => {
  const { summary } = await managerOf('acme').create(wanted)
  expect(await managerOf('globex').list()).toEqual([])
  const refusal = expect.objectContaining({ code: 'key_not_found', status: 404 })
  await expect(managerOf('globex').revoke(summary.id)).rejects.toEqual(refusal)
  await expect(managerOf('globex').revoke('missing0')).rejects.toEqual(refusal)
  expect(await managerOf('acme').list()).toStrictEqual([summary])
})

test('revokes a key once and for all', async () => {
  const manager = managerOf('initech')
  const { summary } = await manager.create(wanted)
  const revoked = { ...summary, revokedAt: now() }
  expect(await manager.revoke(summary.id)).toStrictEqual(revoked)
  expect(await manager.revoke(summary.id)).toStrictEqual(revoked)
  expect(await manager.list()).toStrictEqual([revoked])
})
