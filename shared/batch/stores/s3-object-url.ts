import { s3Address } from '#shared/artifacts/s3-location.ts'
import type { AwsPlace } from '#shared/aws/sdk-settings.ts'
import { signTarget } from '#shared/aws/sign-target.ts'
import type { SignedUrlOptions, StoredObject } from '../object-store.ts'

export interface S3Bucket extends AwsPlace {
  readonly bucket: string
  readonly now: () => number
}

/** A URL under which anybody may read this version for a while. */
export async function s3ObjectUrl(
  { bucket, region, endpoint, credentials, now }: S3Bucket,
  { key, version }: StoredObject,
  { seconds, mediaType, fileName }: SignedUrlOptions,
): Promise<string> {
  const keys = await credentials()
  const place = s3Address({ bucket, region, endpoint, credentials: keys })
  const { server, hostHeader, basePath } = place
  const target = signTarget({
    host: hostHeader,
    path: `${basePath}/${key}`,
    query: {
      'response-content-type': mediaType,
      'response-content-disposition': `attachment; filename="${fileName}"`,
      // An etag is in quotes, a version of S3's is not.
      ...(!version.startsWith('"') && { versionId: version }),
    },
    seconds,
    region,
    credentials: keys,
    now,
  })
  return `${server.tls ? 'https' : 'http'}://${hostHeader}${target}`
}
