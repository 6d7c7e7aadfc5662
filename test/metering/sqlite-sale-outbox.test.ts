import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createSqliteSaleOutbox } from '#shared/metering/sqlite-sale-outbox.ts'
import { allOf, describeSaleOutbox, newSoldCall } from './sale-outbox-contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'percall-outbox-'))
afterAll(() => rmSync(folder, { recursive: true }))

let made = 0
const newPath = () => join(folder, `${++made}.sqlite`)
const open = (options = {}) => createSqliteSaleOutbox({ path: newPath(), ...options })

describe('an outbox of sold calls in SQLite', () => {
  describeSaleOutbox({ open, pass: () => undefined })

  test('finds the latest call of a retry pointer until that expires, of its tenant alone', async () => {
    const outbox = open()
    const pointers = [10, 20].map((until) => ({ key: 'p', until }))
    const [first, second] = pointers.map((retryPointer) => newSoldCall({ retryPointer }))
    for (const call of [first, second]) if (call) await outbox.put(call)
    expect((await outbox.findRetried?.('acme', 'p', 9))?.requestKey).toBe(second?.requestKey)
    expect(await outbox.findRetried?.('acme', 'p', 20)).toBeUndefined()
    expect(await outbox.findRetried?.('other', 'p', 9)).toBeUndefined()
    await outbox.close()
  })

  test('keeps what it holds over a restart, in the order it came', async () => {
    const path = newPath()
    const calls = Array.from({ length: 12 }, () => newSoldCall())
    const before = createSqliteSaleOutbox({ path })
    for (const call of calls) await before.put(call)
    await before.close()
    const after = createSqliteSaleOutbox({ path })
    const found = await allOf(after)
    expect(found.map(({ requestKey }) => requestKey)).toEqual(
      calls.map(({ requestKey }) => requestKey),
    )
    await after.close()
  })
})
