import { encodePath, encodeQuery } from './request-target.ts'
import { type SignatureScope, sha256, startSignature } from './signature.ts'

export interface RequestToSign extends SignatureScope {
  readonly method: string
  /** With the port where it is not the scheme's own, exactly as the Host header says it. */
  readonly host: string
  /** Decoded; it goes out as `requestTarget(path, query)`. Default `/`. */
  readonly path?: string
  readonly query?: Readonly<Record<string, string>>
  /** Sent and signed as well, e.g. `range`, `x-amz-target`. Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** Default: empty. */
  readonly body?: string | Uint8Array
}

/**
 * Signs a request with AWS Signature Version 4 and returns every header to send, `host` and
 * `authorization` among them, all names in lower case. All of them are signed, so none may be
 * changed on the way.
 */
export function signRequest(request: RequestToSign): Record<string, string> {
  const { method, host, service, credentials } = request
  const { path = '/', query = {}, body = '' } = request
  const { time, credential, sign } = startSignature(request)
  const payloadHash = sha256(body)

  const headers: Record<string, string> = { host, 'x-amz-date': time, ...request.headers }
  if (service === 's3') headers['x-amz-content-sha256'] = payloadHash
  if (credentials.sessionToken) headers['x-amz-security-token'] = credentials.sessionToken
  const signedNames = Object.keys(headers).sort()

  const canonicalRequest = [
    method,
    // S3 takes the path as it is on the wire; every other service encodes that a second time.
    service === 's3' ? encodePath(path) : encodePath(encodePath(path)),
    encodeQuery(query),
    ...signedNames.map((name) => `${name}:${headers[name]?.trim().replace(/\s+/g, ' ')}`),
    '',
    signedNames.join(';'),
    payloadHash,
  ].join('\n')

  headers.authorization =
    `AWS4-HMAC-SHA256 Credential=${credential},` +
    `SignedHeaders=${signedNames.join(';')},Signature=${sign(canonicalRequest)}`
  return headers
}
