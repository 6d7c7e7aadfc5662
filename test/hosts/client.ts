import { afterAll, beforeAll } from 'vitest'
import { createKeyManager } from '#shared/access/manage-keys.ts'
import type { HttpAnswer } from '#test/lambda/http-api.ts'
import { newSigningKey, startOidcIssuer } from '#test/servers/oidc-issuer.ts'
import type { HostSettings, RunningHost, StartHost } from './running-host.ts'

export type Answer = HttpAnswer & { readonly json: never }

/** A host of its own for a group of tests, and a caller who has a key. */
export function useHost(start: StartHost, settings: Pick<HostSettings, 'unpublished'> = {}) {
  let host: RunningHost
  let issuer: Awaited<ReturnType<typeof startOidcIssuer>>
  let key: string

  beforeAll(async () => {
    issuer = await startOidcIssuer([await newSigningKey('first')])
    host = await start({ jwtIssuer: issuer.url, ...settings })
    for (const tenant of ['default', 'alice']) {
      await host.ledger.putAccount({ tenant, currency: 'USD', mode: 'postpaid', limits: {} })
    }
    const manager = createKeyManager({ keyStore: host.keyStore, pepper: host.pepper })
    const created = await manager.create({
      name: 'suite',
      scopes: ['predict', 'models:read'],
      mode: 'test',
    })
    key = created.key
  })
  afterAll(async () => {
    await host?.stop()
    await issuer?.stop()
  })

  const request = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const isBytes = body instanceof Uint8Array || typeof body === 'string'
    const answer = await host.request({
      method,
      path,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && !isBytes && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: isBytes ? body : JSON.stringify(body) }),
    })
    return { ...answer, json: parse(answer) as never }
  }
  return {
    request,
    get: (path: string, headers?: Record<string, string>) =>
      request('GET', path, undefined, headers),
    post: (path: string, body: unknown, headers?: Record<string, string>) =>
      request('POST', path, body, headers),
    get host() {
      return host
    },
    get issuer() {
      return issuer
    },
  }
}

function parse({ headers, body }: HttpAnswer): unknown {
  if (headers['content-encoding'] || !/[/+]json\b/.test(headers['content-type'] ?? '')) {
    return undefined
  }
  return JSON.parse(Buffer.from(body).toString('utf8'))
}
