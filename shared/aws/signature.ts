import { createHash, createHmac } from 'node:crypto'
import type { AwsCredentials } from './credentials.ts'

/** When, where and for what a signature holds. */
export interface SignatureScope {
  /** `s3`, `dynamodb`, `sqs`: the name in the credential scope. */
  readonly service: string
  readonly region: string
  readonly credentials: AwsCredentials
  /** Milliseconds since 1970. AWS refuses a signature more than 15 minutes old: sign each retry anew. */
  readonly now?: () => number
}

/**
 * The last two steps of AWS Signature Version 4, the same for headers and for URLs.
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function startSignature({ service, region, credentials, now = Date.now }: SignatureScope) {
  const time = new Date(now()).toISOString().replace(/-|:|\.\d+/g, '')
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`
  return {
    /** As `x-amz-date` says it. */
    time,
    credential: `${credentials.accessKeyId}/${scope}`,
    sign(canonicalRequest: string): string {
      const stringToSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonicalRequest)].join('\n')
      const secret: string | Buffer = `AWS4${credentials.secretAccessKey}`
      return hmac(scope.split('/').reduce<string | Buffer>(hmac, secret), stringToSign).toString(
        'hex',
      )
    },
  }
}

export const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')

const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
