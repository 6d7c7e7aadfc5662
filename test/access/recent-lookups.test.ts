import { expect, test } from 'vitest'
import { createRecentLookups } from '#shared/access/recent-lookups.ts'

function countedLookups(maxEntries = 10) {
  const clock = { now: 0 }
  const lookup = createRecentLookups<string>({ maxEntries, maxAgeMs: 5_000, now: () => clock.now })
  const loads: string[] = []
  const get = (key: string, value: string | undefined = key) =>
    lookup(key, async () => {
      loads.push(key)
      return value
    })
  return { clock, lookup, loads, get }
}

test('reads once for concurrent callers and until the answer is too old', async () => {
  const { clock, loads, get } = countedLookups()
  expect(await Promise.all([get('a'), get('a'), get('a')])).toEqual(['a', 'a', 'a'])
  clock.now = 4_999
  await get('a')
  expect(loads).toEqual(['a'])
  clock.now = 5_000
  await get('a')
  expect(loads).toEqual(['a', 'a'])
})

test('does not remember that something is absent', async () => {
  const { lookup } = countedLookups()
  expect(await lookup('a', async () => undefined)).toBeUndefined()
  expect(await lookup('a', async () => 'made since')).toBe('made since')
})

test('does not remember a failure', async () => {
  const { lookup } = countedLookups()
  const failing = lookup('a', () => Promise.reject(new Error('down')))
  await expect(failing).rejects.toThrow('down')
  expect(await lookup('a', async () => 'up again')).toBe('up again')
})

test('counts the age from before the read, so that a slow read is not trusted longer', async () => {
  const { clock, lookup } = countedLookups()
  await lookup('a', async () => {
    clock.now = 4_000
    return 'read at 0, told at 4,000'
  })
  clock.now = 5_000
  expect(await lookup('a', async () => 'fresh')).toBe('fresh')
})

test('keeps a bounded number of answers, the latest', async () => {
  const { loads, get } = countedLookups(2)
  for (const key of ['a', 'b', 'c']) await get(key)
  loads.length = 0
  for (const key of ['c', 'b', 'a']) await get(key)
  expect(loads).toEqual(['a'])
})
