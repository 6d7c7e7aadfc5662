import { once } from 'node:events'
import { createServer } from 'node:http'
import {
  CompactSign,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  type KeyObject,
} from 'jose'

export type SigningKey = Awaited<ReturnType<typeof newSigningKey>>

/** A key pair as an issuer holds it. */
export async function newSigningKey(kid: string, alg = 'ES256') {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return { kid, alg, privateKey, jwk, pem: await exportSPKI(publicKey) }
}

/** Signs claims exactly as they are: nothing is added, so that tests can leave things out. */
export function sign(
  claims: JWTPayload,
  key: { kid?: string; alg: string; privateKey: CryptoKey | KeyObject | Uint8Array },
): Promise<string> {
  const { kid, alg, privateKey } = key
  const header = { alg, typ: 'at+jwt', ...(kid !== undefined && { kid }) }
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader(header)
    .sign(privateKey)
}

/**
 * An OpenID Connect issuer on the loopback interface: a discovery document and a key set, over real
 * HTTP. `issuer.answer` may be replaced to make it misbehave.
 */
export async function startOidcIssuer(keys: SigningKey[]) {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(path)
    const { status = 200, body, headers } = issuer.answer(path)
    response.writeHead(status, headers ?? { 'content-type': 'application/json' })
    // Without a body it hangs until the caller gives up.
    if (body !== undefined) response.end(typeof body === 'string' ? body : JSON.stringify(body))
    else response.flushHeaders()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('There is no port.')
  const url = `http://127.0.0.1:${address.port}`

  interface Answer {
    status?: number
    headers?: Record<string, string>
    body?: unknown
  }
  const issuer = {
    url,
    keys,
    /** The paths that were asked for, in order. */
    requests,
    answer: (path: string): Answer => {
      if (path === '/.well-known/openid-configuration') {
        return { body: { issuer: url, jwks_uri: `${url}/keys` } }
      }
      if (path === '/keys') return { body: { keys: issuer.keys.map(({ jwk }) => jwk) } }
      return { status: 404, body: 'not found' }
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return issuer
}
