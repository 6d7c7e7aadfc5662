import { encodePath, encodeQuery, requestTarget } from './request-target.ts'
import { type SignatureScope, startSignature } from './signature.ts'

export interface TargetToSign extends Omit<SignatureScope, 'service'> {
  readonly host: string
  /** Decoded. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** For how long it opens; a week at most, and never longer than the credentials hold. */
  readonly seconds: number
}

/**
 * What follows the method on the first line of a GET of S3, signed: whoever has it may send it, and
 * needs no other right. Known as a presigned URL.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export function signTarget(target: TargetToSign): string {
  const { host, path, seconds, credentials } = target
  const { time, credential, sign } = startSignature({ ...target, service: 's3' })
  const query: Record<string, string> = {
    ...target.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': credential,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(seconds),
    'X-Amz-SignedHeaders': 'host',
    ...(credentials.sessionToken && { 'X-Amz-Security-Token': credentials.sessionToken }),
  }
  const canonicalRequest = ['GET', encodePath(path), encodeQuery(query), `host:${host}`, '', 'host']
  const signature = sign([...canonicalRequest, 'UNSIGNED-PAYLOAD'].join('\n'))
  return requestTarget(path, { ...query, 'X-Amz-Signature': signature })
}
