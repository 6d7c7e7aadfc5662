import { expect, test } from 'vitest'
import type { SaleOutbox, SoldCall } from '#shared/metering/sale-outbox.ts'
import { fresh, sale, start } from './ledger-samples.ts'

export interface SaleOutboxOnTrial {
  /** An empty outbox of its own. */
  open(options?: { mostCalls?: number }): SaleOutbox
  /** Lets time go by. */
  pass(ms: number): void
}

/** Longer than a call that was given and not removed is hidden, or a number is remembered. */
const longMs = 10 * 60_000

export const newSoldCall = (changes: Partial<SoldCall> = {}): SoldCall => ({
  tenant: 'acme',
  requestKey: fresh('request'),
  fingerprint: 'f1',
  hold: 9_007_199_254_740_993n,
  charge: 100n,
  units: { calls: 1, rows: 3 },
  sale,
  answer: {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{"label":"ünï"}\n'),
  },
  retryPointer: undefined,
  ...changes,
})

/** All that can be had now. */
export const allOf = (outbox: SaleOutbox) => Array.fromAsync(outbox.waiting())

const namesOf = (calls: readonly SoldCall[]) => calls.map(({ requestKey }) => requestKey).sort()

/** What every outbox of sold calls promises, whatever is behind it. */
export function describeSaleOutbox({ open, pass }: SaleOutboxOnTrial): void {
  test('gives a call back as it was, to the last byte', async () => {
    const outbox = open()
    const body = Uint8Array.from({ length: 256 }, (_, byte) => byte)
    const calls = [
      newSoldCall(),
      newSoldCall({
        sale: { ...sale, project: 'north' },
        retryPointer: { key: 'p', until: start },
      }),
      newSoldCall({ answer: { status: 200, headers: {}, body } }),
    ]
    for (const call of calls) expect(await outbox.put(call)).toBe(true)
    const found = await allOf(outbox)
    for (const call of calls) {
      const same = found.find(({ requestKey }) => requestKey === call.requestKey)
      expect({ ...same, answer: undefined }).toStrictEqual({ ...call, answer: undefined })
      expect({ ...same?.answer, body: undefined }).toEqual({ ...call.answer, body: undefined })
      expect(Buffer.from(same?.answer.body ?? [])).toEqual(Buffer.from(call.answer.body))
    }
    expect(found).toHaveLength(3)
    await outbox.close()
  })

  test('has nothing where nothing was put', async () => {
    const outbox = open()
    expect(await allOf(outbox)).toEqual([])
    expect(await outbox.isFull()).toBe(false)
    await outbox.close()
  })

  test('keeps what was not removed, and forgets what was, however often that is said', async () => {
    const outbox = open()
    const calls = Array.from({ length: 23 }, () => newSoldCall())
    for (const call of calls) await outbox.put(call)
    const found = await allOf(outbox)
    expect(namesOf(found)).toEqual(namesOf(calls))
    const [kept, ...others] = found
    for (const call of [...others, ...others.slice(0, 3)]) await outbox.remove(call)
    pass(longMs)
    expect(namesOf(await allOf(outbox))).toEqual([kept?.requestKey])
    await outbox.close()
  })

  test('may be left in the middle: what was not looked at stays', async () => {
    const outbox = open()
    const calls = [newSoldCall(), newSoldCall()]
    for (const call of calls) await outbox.put(call)
    for await (const call of outbox.waiting()) {
      await outbox.remove(call)
      break
    }
    pass(longMs)
    expect(await allOf(outbox)).toHaveLength(1)
    await outbox.close()
  })

  test('gives all to several who look at the same time', async () => {
    const outbox = open()
    const calls = Array.from({ length: 12 }, () => newSoldCall())
    for (const call of calls) await outbox.put(call)
    const found = (await Promise.all([allOf(outbox), allOf(outbox), allOf(outbox)])).flat()
    expect([...new Set(namesOf(found))]).toEqual(namesOf(calls))
    for (const call of found) await outbox.remove(call)
    pass(longMs)
    expect(await allOf(outbox)).toEqual([])
    await outbox.close()
  })

  test('takes no more than it may hold, until there is room', async () => {
    const outbox = open({ mostCalls: 2 })
    expect(await outbox.put(newSoldCall())).toBe(true)
    expect(await outbox.put(newSoldCall())).toBe(true)
    pass(longMs)
    expect(await outbox.put(newSoldCall())).toBe(false)
    expect(await outbox.isFull()).toBe(true)
    for (const call of await allOf(outbox)) await outbox.remove(call)
    pass(longMs)
    expect(await outbox.isFull()).toBe(false)
    expect(await outbox.put(newSoldCall())).toBe(true)
    await outbox.close()
  })
}
