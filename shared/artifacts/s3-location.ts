import type { AwsCredentials } from '#shared/aws/credentials.ts'

export interface S3Location {
  readonly bucket: string
  /** A folder of the bucket, e.g. `production`. Default: the bucket itself. */
  readonly prefix?: string | undefined
  readonly region: string
  readonly credentials: AwsCredentials
  /** Of an S3 server other than AWS's, e.g. `http://127.0.0.1:9000`. */
  readonly endpoint?: string | undefined
}

/** What stands before every key: nothing, or a folder with one slash at its end. */
export const keyPrefix = ({ prefix }: S3Location) =>
  prefix ? `${prefix.replace(/\/+$/, '')}/` : ''

/** AWS by virtual host; other servers, and buckets whose dots no certificate covers, by path. */
export function s3Address({ bucket, region, endpoint }: S3Location) {
  const isPlainName = !bucket.includes('.')
  const aws = `https://${isPlainName ? `${bucket}.` : ''}s3.${region}.amazonaws.com`
  const url = new URL(endpoint ?? aws)
  const tls = url.protocol === 'https:'
  // The brackets of an IPv6 address belong to the URL, not to the address.
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port || (tls ? 443 : 80))
  const basePath = endpoint === undefined && isPlainName ? '' : `/${bucket}`
  return { server: { host, port, tls }, hostHeader: url.host, basePath }
}
