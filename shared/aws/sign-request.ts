import { createHash, createHmac } from 'node:crypto'
import type { AwsCredentials } from './credentials.ts'
import { encodePath, encodeQuery } from './request-target.ts'

export interface RequestToSign {
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
  /** `s3`, `dynamodb`, `sqs`: the name in the credential scope. */
  readonly service: string
  readonly region: string
  readonly credentials: AwsCredentials
  /** Milliseconds since 1970. AWS refuses a signature more than 15 minutes old: sign each retry anew. */
  readonly now?: () => number
}

/**
 * Signs a request with AWS Signature Version 4 and returns every header to send, `host` and
 * `authorization` among them, all names in lower case. All of them are signed, so none may be
 * changed on the way.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signRequest(request: RequestToSign): Record<string, string> {
  const { method, host, service, region, credentials } = request
  const { path = '/', query = {}, body = '', now = Date.now } = request
  const time = new Date(now()).toISOString().replace(/-|:|\.\d+/g, '')
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
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
  const stringToSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest)].join('\n')
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`)

  headers.authorization =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope},` +
    `SignedHeaders=${signedNames.join(';')},Signature=${hmac(key, stringToSign).toString('hex')}`
  return headers
}

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')

const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
