import { expect, test } from 'vitest'
import type { WebhookSecretStore } from '#shared/jobs/webhooks/webhook-secret-store.ts'
import { fresh } from './deferred-call-store-contract.ts'

const seed = (salt: string) => ({ salt, pepperId: 'abcdef01', createdAt: 7 })

/** What every store of secrets promises, whatever is behind it. */
export function describeWebhookSecretStore(open: () => WebhookSecretStore): void {
  test('keeps the secrets of a tenant, each revision in the place of the one before', async () => {
    const store = open()
    const tenant = fresh('tenant')
    expect(await store.find(tenant)).toBeUndefined()
    expect(await store.replace(tenant, { revision: 2, current: seed('a') })).toBe(false)
    expect(await store.replace(tenant, { revision: 1, current: seed('a') })).toBe(true)
    expect(await store.replace(tenant, { revision: 1, current: seed('b') })).toBe(false)
    const next = { revision: 2, current: seed('c'), previous: { ...seed('a'), until: 9 } }
    expect(await store.replace(tenant, next)).toBe(true)
    expect(await store.find(tenant)).toEqual(next)
    expect(await store.find(`${tenant}x`)).toBeUndefined()
  })
}
