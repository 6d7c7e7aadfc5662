import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { parseApiKey } from '#shared/access/api-key.ts'
import { createAuthenticator } from '#shared/access/authenticate.ts'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import { pepperId } from '#shared/access/peppers.ts'
import { createSqliteKeyStore } from '#shared/access/sqlite-key-store.ts'
import { partiesOf } from '#shared/middleware/authenticate/parties-of.ts'

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
    lastFour: key.slice(-4),
    pepperId: pepperId(pepper),
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
  expect(bytes.includes(key.slice(16, -6))).toBe(false)
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
    ...[[], ['10.0.0.0/33'], ['example.org']].map((allowedIps) => ({ allowedIps })),
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

describe('a key that is asked for twice', () => {
  const again = (tenant: string, changes = {}, idempotencyKey = 'order-1') =>
    managerOf(tenant).create({ ...wanted, ...changes }, { idempotencyKey })

  test('is the very same key, and is there once', async () => {
    const first = await again('twice')
    expect(await again('twice')).toStrictEqual(first)
    expect(await managerOf('twice').list()).toStrictEqual([first.summary])
    const authenticate = createAuthenticator({ keyStore, pepper, now })
    expect(await authenticate({ apiKey: first.key })).toMatchObject({ keyId: first.summary.id })
  })

  test('is refused where something else is asked under the same idempotency key', async () => {
    await again('other')
    const limits = { dailyCalls: 5 }
    for (const changes of [
      { name: 'CD' },
      { mode: 'live' },
      { limits },
      { models: ['iris'] },
      { allowedIps: ['::1'] },
    ]) {
      const refusal = expect.objectContaining({ code: 'idempotency_key_reused', status: 422 })
      await expect(again('other', changes)).rejects.toEqual(refusal)
    }
    expect(await managerOf('other').list()).toHaveLength(1)
  })

  test('is another one for another tenant, idempotency key or pepper', async () => {
    const made = [await again('a'), await again('b'), await again('a', {}, 'order-2')]
    const elsewhere = createKeyManager({ keyStore, pepper: `${pepper}!`, tenant: 'a', now })
    made.push(await elsewhere.create(wanted, { idempotencyKey: 'order-1' }))
    expect(new Set(made.map(({ summary }) => summary.id)).size).toBe(4)
    expect(new Set(made.map(({ key }) => key.slice(16, -6))).size).toBe(4)
  })
})

describe('rotation', () => {
  const clock = { now: now() }
  const manager = createKeyManager({ keyStore, pepper, tenant: 'rotating', now: () => clock.now })
  const authenticate = createAuthenticator({ keyStore, pepper, now: () => clock.now })
  const rights = {
    scopes: ['predict', 'account:read'],
    project: 'shop',
    limits: { monthlySpend: 5n },
    models: ['iris'],
  }

  test('gives a new key the same rights, and ends the old one after the overlap', async () => {
    const old = await manager.create({ ...wanted, ...rights })
    const fresh = await manager.rotate(old.summary.id, { overlapSeconds: 60 })
    const { keyId: _, expiresAt: _end, ...before } = Object(await authenticate({ apiKey: old.key }))
    expect(await authenticate({ apiKey: fresh.key })).toMatchObject(before)
    expect(before).toMatchObject({ project: 'shop', models: ['iris'] })
    clock.now += 59_999
    await authenticate({ apiKey: old.key })
    clock.now += 1
    const expired = expect.objectContaining({ code: 'api_key_expired' })
    await expect(authenticate({ apiKey: old.key })).rejects.toEqual(expired)
    await authenticate({ apiKey: fresh.key })
  })

  test('goes on with the counters of the first key, however often it is done', async () => {
    const first = await manager.create({ ...wanted, ...rights })
    const second = await manager.rotate(first.summary.id, { overlapSeconds: 60 })
    const third = await manager.rotate(second.summary.id, { overlapSeconds: 60 })
    for (const { key, summary } of [second, third]) {
      const caller = await authenticate({ apiKey: key })
      expect(caller).toMatchObject({ keyId: summary.id, countedAs: first.summary.id })
      const id = `rotating/${first.summary.id}`
      expect(partiesOf(caller)).toEqual([{ scope: 'key', id, limits: rights.limits }])
    }
  })

  test('ends the old key within 5 seconds where there is no overlap', async () => {
    const old = await manager.create({ ...wanted, ...rights })
    await authenticate({ apiKey: old.key })
    await manager.rotate(old.summary.id, { overlapSeconds: 0 })
    clock.now += 5_000
    const expired = expect.objectContaining({ code: 'api_key_expired' })
    await expect(authenticate({ apiKey: old.key })).rejects.toEqual(expired)
  })

  test('asked for again makes no second key and gives the old one no more time', async () => {
    const old = await manager.create({ ...wanted, expiresInDays: 30 })
    const { id } = old.summary
    const once = { overlapSeconds: 60, idempotencyKey: 'autumn' }
    const first = await manager.rotate(id, once)
    expect(first.summary.expiresAt).toBe(clock.now + 30 * 86_400_000)
    const end = (await manager.find(id)).expiresAt
    clock.now += 30_000
    expect(await manager.rotate(id, once)).toStrictEqual(first)
    expect((await manager.find(id)).expiresAt).toBe(end)
    clock.now += 60_000
    expect(await manager.rotate(id, once)).toStrictEqual(first)
    const expired = expect.objectContaining({ code: 'api_key_expired' })
    await expect(manager.rotate(id, { overlapSeconds: 60 })).rejects.toEqual(expired)
    const reused = expect.objectContaining({ code: 'idempotency_key_reused' })
    await expect(
      manager.rotate(first.summary.id, { ...once, overlapSeconds: -1 }),
    ).rejects.toThrow()
    const other = await manager.create(wanted)
    await manager.rotate(other.summary.id, once)
    await expect(manager.rotate(other.summary.id, { ...once, overlapSeconds: 61 })).rejects.toEqual(
      reused,
    )
  })

  test('of a key that was revoked or belongs to another is refused', async () => {
    const { summary } = await manager.create(wanted)
    const missing = expect.objectContaining({ code: 'key_not_found' })
    await expect(managerOf('acme').rotate(summary.id, { overlapSeconds: 0 })).rejects.toEqual(
      missing,
    )
    await manager.revoke(summary.id)
    const revoked = expect.objectContaining({ code: 'api_key_revoked' })
    await expect(manager.rotate(summary.id, { overlapSeconds: 0 })).rejects.toEqual(revoked)
  })
})

describe('a key that is made by one that expires', () => {
  const manager = managerOf('expiring')
  const latestExpiry = now() + 10 * 86_400_000

  test.each([
    [undefined, latestExpiry],
    [30, latestExpiry],
    [10, latestExpiry],
    [9, latestExpiry - 86_400_000],
  ])('for %s days ends with it at the latest', async (expiresInDays, expiresAt) => {
    const { summary } = await manager.create({ ...wanted, expiresInDays }, { latestExpiry })
    expect(summary.expiresAt).toBe(expiresAt)
  })

  test('ends no later by rotation', async () => {
    const { summary } = await manager.create({ ...wanted, expiresInDays: 30 })
    const rotated = await manager.rotate(summary.id, { overlapSeconds: 0, latestExpiry })
    expect(rotated.summary.expiresAt).toBe(latestExpiry)
    const lasting = await manager.create(wanted)
    const bounded = await manager.rotate(lasting.summary.id, { overlapSeconds: 0, latestExpiry })
    expect(bounded.summary.expiresAt).toBe(latestExpiry)
    const free = await manager.rotate(bounded.summary.id, { overlapSeconds: 0 })
    expect(free.summary.expiresAt).toBe(latestExpiry)
  })
})

test('changes limits and models of the own keys only', async () => {
  const { summary } = await managerOf('changing').create(wanted)
  const changes = { limits: { dailyCalls: 3 }, models: ['iris'] }
  expect(await managerOf('changing').change(summary.id, changes)).toStrictEqual({
    ...summary,
    ...changes,
  })
  const missing = expect.objectContaining({ code: 'key_not_found' })
  await expect(managerOf('acme').change(summary.id, changes)).rejects.toEqual(missing)
  const invalid = expect.objectContaining({ code: 'parameter_invalid' })
  for (const models of [[], ['iris@1'], ['']]) {
    await expect(managerOf('changing').change(summary.id, { models })).rejects.toEqual(invalid)
  }
  const allowedIps = ['2001:db8::/129']
  await expect(managerOf('changing').change(summary.id, { allowedIps })).rejects.toEqual(invalid)
})
