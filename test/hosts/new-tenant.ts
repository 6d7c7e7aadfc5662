import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type { NewKey } from '#shared/access/key-checks.ts'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import type { useHost } from './client.ts'

type Client = ReturnType<typeof useHost>

export interface Members {
  readonly [name: string]: unknown
  readonly id: string
  readonly key: string
  readonly data: readonly Members[]
  readonly amount_micros: number
  readonly available_micros: number
  readonly next_cursor: string | null
}

/** A tenant of its own, with credit, and somebody who may do everything. */
export async function newTenant(client: Client, credit = 1_000_000) {
  const tenant = `tenant-${randomUUID()}`
  const { keyStore, pepper } = client.host
  const manager = createKeyManager({ keyStore, pepper, tenant })
  const keyOf = async (scopes: string[], more: Partial<NewKey> = {}) =>
    (await manager.create({ name: 'test', mode: 'live', ...more, scopes })).key
  const admin = await keyOf(['admin'])
  const as =
    (key: string) =>
    async (method: string, path: string, body?: unknown, headers = {}) => {
      const authorization = `Bearer ${key}`
      const answer = await client.request(method, path, body, { authorization, ...headers })
      const text = Buffer.from(answer.body).toString()
      return { ...answer, text, members: answer.json as Members }
    }
  const ask = as(admin)
  if (credit > 0) {
    const payment = { payment_id: 'first', amount_micros: credit, currency: 'USD' }
    const { status, text } = await ask('POST', '/v1/credits', payment)
    expect(status, text).toBe(201)
  }
  return { tenant, ask, as, keyOf }
}

export type Tenant = Awaited<ReturnType<typeof newTenant>>
