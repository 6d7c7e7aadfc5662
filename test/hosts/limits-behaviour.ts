import { describe, expect, it } from 'vitest'
import { counterHolds } from '#shared/metering/counter-holds.ts'
import type { CallLimits } from '#shared/metering/ledger.ts'
import { auditLedger } from '#test/metering/audit.ts'
import { releaseOf } from '#test/metering/ledger-samples.ts'
import { useHost } from './client.ts'
import { newPayer, type Payer } from './payer.ts'
import type { StartHost } from './running-host.ts'

/** What may be spent and how often may be called, by account and by key. */
export function limitsBehaviour(start: StartHost): void {
  describe('limits', () => {
    const client = useHost(start)
    const limited = (scope: string, limits: CallLimits) =>
      newPayer(client, {
        mode: 'postpaid',
        ...(scope === 'tenant' ? { limits } : { key: { limits } }),
      })
    const partyOf = ({ tenant, keyId }: Payer, scope: 'tenant' | 'key', limits: CallLimits) => ({
      scope,
      id: scope === 'tenant' ? tenant : `${tenant}/${keyId}`,
      limits,
    })

    describe.each(['tenant', 'key'] as const)('of a %s', (scope) => {
      it('stop at the cap of a month, not one micro above it', async () => {
        const alice = await limited(scope, { monthlySpend: 299n })
        for (const expected of [200, 200, 402]) expect((await alice.call()).status).toBe(expected)
        const { json } = await alice.call()
        expect(json).toMatchObject({ code: 'spend_cap_reached' })
        expect(await alice.balance()).toEqual([0n, 0n, 200n])
      })

      it('stop at the calls of a day, and say how long to wait', async () => {
        const alice = await limited(scope, { dailyCalls: 1 })
        await alice.call({}, { inputs: 'a mistake does not count' })
        expect((await alice.call()).status).toBe(200)
        const { status, json, headers } = await alice.call()
        expect([status, json]).toMatchObject([429, { code: 'quota_exceeded' }])
        expect(Number(headers['retry-after'])).toBeGreaterThan(0)
        expect(Number(headers['retry-after'])).toBeLessThanOrEqual(86_400)
      })

      it('stop at the calls that run at a time', async () => {
        const limits = { concurrency: 1 }
        const alice = await limited(scope, limits)
        const counters = counterHolds([partyOf(alice, scope, limits)], 100n, Date.now())
        const running = alice.reservation('runs', { counters })
        await client.host.ledger.reserve(running)
        const { status, json, headers } = await alice.call()
        expect([status, json]).toMatchObject([429, { code: 'concurrency_exceeded' }])
        expect(headers['retry-after']).toBe('1')
        await client.host.ledger.release(releaseOf(running, { now: Date.now() }))
        expect((await alice.call()).status).toBe(200)
        expect((await alice.call()).status).toBe(200)
      })

      it('stop calls that come too fast, in the words that clients read', async () => {
        const alice = await limited(scope, { rate: { perMinute: 1, burst: 2 } })
        const first = await alice.call()
        expect([first.status, first.headers]).toMatchObject([
          200,
          {
            'ratelimit-policy': `"${scope}";q=2;w=120`,
            ratelimit: expect.stringMatching(new RegExp(`^"${scope}";r=1;t=\\d+$`)),
            'x-ratelimit-limit-requests': '2',
            'x-ratelimit-remaining-requests': '1',
            'x-ratelimit-reset-requests': expect.stringMatching(/^\d+s$/),
          },
        ])
        expect((await alice.call()).status).toBe(200)
        const { status, json, headers } = await alice.call()
        expect([status, json, headers]).toMatchObject([
          429,
          { code: 'rate_limited' },
          {
            ratelimit: expect.stringContaining(`"${scope}";r=0;`),
            'x-ratelimit-remaining-requests': '0',
            'x-should-retry': 'true',
            'x-cost-units': '0',
          },
        ])
        const waitSeconds = Number(headers['retry-after'])
        expect(waitSeconds).toBeGreaterThan(0)
        expect(waitSeconds).toBeLessThanOrEqual(60)
        expect(await alice.charges()).toEqual([100n, 100n])
      })
    })

    it('of key and tenant hold both: the tighter one stops', async () => {
      const alice = await newPayer(client, {
        mode: 'postpaid',
        limits: { monthlySpend: 100n },
        key: { limits: { monthlySpend: 1_000n } },
      })
      await alice.call()
      const { status, json } = await alice.call()
      expect([status, json]).toMatchObject([402, { detail: expect.stringContaining('tenant') }])
    })

    it('leave books in which an audit finds nothing wrong', async () => {
      expect(await auditLedger(client.host.ledger, { now: Date.now(), atRest: true })).toEqual([])
    })
  })
}
