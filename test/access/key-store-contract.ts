import { expect, test } from 'vitest'
import type { KeyRecord, KeyStore } from '#shared/access/key-store.ts'

let keysMade = 0

/** A key nobody else has. Its id keeps the order in which keys were made. */
export function newRecord(changes: Partial<KeyRecord> = {}): KeyRecord {
  keysMade += 1
  return {
    id: `id${String(keysMade).padStart(6, '0')}`,
    tenant: 'acme',
    name: 'first key',
    mode: 'live',
    hash: new Uint8Array(32).fill(keysMade % 256),
    scopes: ['predict', 'models:read'],
    createdAt: 1_795_392_000_000 + keysMade,
    ...changes,
  }
}

/** What every key store promises. `open` gives one more connection to the same keys. */
export function describeKeyStore(open: () => KeyStore | Promise<KeyStore>): void {
  test('finds a key again exactly as it was put', async () => {
    const store = await open()
    const plain = newRecord()
    const full = newRecord({
      mode: 'test',
      scopes: ['admin'],
      expiresAt: 1_795_400_000_001,
      project: 'shop',
      limits: {
        monthlySpend: 2n ** 62n,
        dailyCalls: 5,
        concurrency: 1,
        rate: { perMinute: 60, burst: 2 },
      },
      models: ['iris', 'spam'],
      allowedIps: ['203.0.113.0/24', '2001:db8::/32'],
      countedAs: 'id000000',
      pepperId: '0123abcd',
      lastFour: 'a1B2',
    })
    expect(await store.put(plain)).toBe(true)
    expect(await store.put(full)).toBe(true)
    expect(asPlain(await store.find(plain.id))).toStrictEqual(asPlain(plain))
    expect(asPlain(await store.find(full.id))).toStrictEqual(asPlain(full))
  })

  test('has nothing under an id that was never put', async () => {
    const store = await open()
    expect(await store.find('nothing0')).toBeUndefined()
    expect(await store.revoke('nothing0', 1)).toBeUndefined()
    expect(await store.find('nothing0')).toBeUndefined()
  })

  test('never overwrites another key of the same id', async () => {
    const store = await open()
    const first = newRecord()
    await store.put(first)
    const second = newRecord({ id: first.id, name: 'thief', scopes: ['admin'] })
    expect(await store.put(second)).toBe(false)
    expect(asPlain(await store.find(first.id))).toStrictEqual(asPlain(first))
  })

  test('takes the very same key twice, and does not revive it when it was revoked', async () => {
    const store = await open()
    const record = newRecord()
    await store.put(record)
    await store.revoke(record.id, 5)
    expect(await store.put(record)).toBe(true)
    expect((await store.find(record.id))?.revokedAt).toBe(5)
  })

  test('lets exactly one of many concurrent puts have an id', async () => {
    const store = await open()
    const { id } = newRecord()
    const rivals = Array.from({ length: 8 }, (_, index) =>
      newRecord({ id, hash: new Uint8Array(32).fill(index + 100) }),
    )
    const stored = await Promise.all(rivals.map((rival) => store.put(rival)))
    expect(stored.filter(Boolean)).toHaveLength(1)
    const winner = rivals[stored.indexOf(true)]
    expect(asPlain(await store.find(id))).toStrictEqual(asPlain(winner))
  })

  test('shows a revocation at once on another connection', async () => {
    const [here, there] = [await open(), await open()]
    const record = newRecord()
    await here.put(record)
    expect((await there.find(record.id))?.revokedAt).toBeUndefined()
    await here.revoke(record.id, 1_795_393_000_000)
    expect((await there.find(record.id))?.revokedAt).toBe(1_795_393_000_000)
  })

  test('keeps the time of the first revocation', async () => {
    const store = await open()
    const { hash, ...summary } = newRecord()
    await store.put({ ...summary, hash })
    expect(await store.revoke(summary.id, 10)).toStrictEqual({ ...summary, revokedAt: 10 })
    expect(await store.revoke(summary.id, 20)).toStrictEqual({ ...summary, revokedAt: 10 })
  })

  test('changes limits, models, addresses and expiry, each by itself, and takes them away', async () => {
    const store = await open()
    const rights = { limits: { dailyCalls: 5 }, models: ['iris'], allowedIps: ['::1'] }
    const { hash, ...summary } = newRecord(rights)
    await store.put({ ...summary, hash })
    const { limits: _, models: _models, allowedIps: _ips, ...bare } = summary
    expect(await store.change(summary.id, {})).toStrictEqual(summary)
    const limits = { monthlySpend: 7n }
    expect(await store.change(summary.id, { limits })).toStrictEqual({ ...summary, limits })
    const expiresAt = 1_795_400_000_001
    expect(await store.change(summary.id, { expiresAt, models: ['spam'] })).toStrictEqual({
      ...summary,
      limits,
      models: ['spam'],
      expiresAt,
    })
    const allowedIps = ['203.0.113.7']
    expect(await store.change(summary.id, { allowedIps })).toMatchObject({ limits, allowedIps })
    const nothing = { limits: null, models: null, allowedIps: null }
    expect(await store.change(summary.id, nothing)).toStrictEqual({ ...bare, expiresAt })
    expect(asPlain(await store.find(summary.id))).toStrictEqual(
      asPlain({ ...bare, expiresAt, hash }),
    )
    expect(await store.change('nothing0', { limits })).toBeUndefined()
    expect(await store.change('nothing0', {})).toBeUndefined()
    expect(await store.find('nothing0')).toBeUndefined()
  })

  test("lists a tenant's keys oldest first, without their hashes and without those of others", async () => {
    const store = await open()
    const tenant = `tenant-${newRecord().id}`
    const late = newRecord({
      tenant,
      createdAt: 300,
      expiresAt: 999,
      project: 'shop',
      limits: { concurrency: 2 },
      models: ['iris'],
      allowedIps: ['::1'],
      countedAs: 'id000000',
      pepperId: '0123abcd',
      lastFour: 'a1B2',
    })
    const early = newRecord({ tenant, createdAt: 100, mode: 'test' })
    const middle = newRecord({ tenant, createdAt: 200 })
    for (const record of [late, early, middle, newRecord()]) await store.put(record)
    await store.revoke(early.id, 400)
    const expected = [{ ...early, revokedAt: 400 }, middle, late].map(({ hash, ...rest }) => rest)
    expect(await store.list(tenant)).toStrictEqual(expected)
    expect(await store.list('nobody')).toStrictEqual([])
  })

  test('treats ids and tenants as data, whatever they contain', async () => {
    const store = await open()
    const tenant = `'; DROP TABLE keys; --"#{}\u00e9`
    const record = newRecord({ tenant, name: `O'Brien "x" \\ é 漢` })
    await store.put(record)
    expect((await store.list(tenant)).map(({ name }) => name)).toEqual([record.name])
  })
}

/** Drivers may hand out any kind of byte array. */
const asPlain = (record: KeyRecord | undefined) =>
  record && { ...record, hash: Buffer.from(record.hash).toString('hex') }
