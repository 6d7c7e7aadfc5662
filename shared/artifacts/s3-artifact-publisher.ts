import { createHash } from 'node:crypto'
import {
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { ServiceError } from '#shared/errors/service-error.ts'
import { artifactKey } from './artifact-key.ts'
import type { ArtifactStore } from './artifact-store.ts'
import { s3Failure } from './s3-failure.ts'
import { keyPrefix, type S3Location } from './s3-location.ts'

/**
 * The half of the S3 store that people use: storing and listing, through the AWS SDK. Never on the
 * path of a request, and loaded only when it is called.
 */
export function s3ArtifactPublisher(
  location: S3Location,
): Pick<ArtifactStore, 'publish' | 'list' | 'has'> {
  const { bucket, region, credentials, endpoint } = location
  const prefix = keyPrefix(location)
  const { sessionToken, ...keys } = credentials
  const client = new S3Client({
    region,
    credentials: sessionToken === undefined ? keys : { ...keys, sessionToken },
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
  })
  const place = (key: string) => ({ Bucket: bucket, Key: prefix + artifactKey(key) })

  return {
    async publish(key, bytes) {
      // The server compares the digest, so that bytes damaged on the way are never stored.
      const ChecksumSHA256 = createHash('sha256').update(bytes).digest('base64')
      const put = new PutObjectCommand({ ...place(key), Body: bytes, ChecksumSHA256 })
      await client.send(put).catch(fail(key))
    },

    async *list(start = '') {
      const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix + start })
      try {
        for await (const { Contents = [] } of pages) {
          for (const { Key = '', Size = 0 } of Contents) {
            yield { key: Key.slice(prefix.length), bytes: Size }
          }
        }
      } catch (error) {
        fail(`${start}*`)(error)
      }
    },

    async has({ key, bytes }) {
      const head = new HeadObjectCommand(place(key))
      try {
        const { ContentLength } = await client.send(head)
        return ContentLength === bytes
      } catch (error) {
        if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) {
          return false
        }
        return fail(key)(error)
      }
    },
  }
}

const fail =
  (key: string) =>
  (cause: unknown): never => {
    if (cause instanceof S3ServiceException) {
      const status = cause.$metadata.httpStatusCode ?? 0
      throw s3Failure(key, { status, reason: cause.name, cause })
    }
    throw new ServiceError('artifact_unavailable', {
      detail: 'The artifact store cannot be reached.',
      cause,
    })
  }
