import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { ByteRange, StoredObject } from '../object-store.ts'
import { failS3, statusOf } from './s3-object-failure.ts'

export interface S3Reading {
  readonly client: S3Client
  readonly bucket: string
  readonly sleep: (ms: number) => Promise<unknown>
}

/** Connections in a row that broke off before they brought anything. */
const mostFailures = 5
const pauseMs = 50

/**
 * The bytes of one version. A connection that breaks off goes on in a new one where it ended, of the
 * same version.
 *
 * @throws ServiceError `object_gone`, `store_unavailable`
 */
export async function* readS3Object(
  { client, bucket, sleep }: S3Reading,
  object: StoredObject,
  range: ByteRange,
): AsyncGenerator<Uint8Array> {
  const end = Math.min(range.end, object.sizeBytes)
  let failures = 0
  for (let position = range.start; position < end; ) {
    const body = await openBody(client, bucket, object, { start: position, end })
    const before = position
    try {
      for await (const bytes of body) {
        position += bytes.length
        yield bytes
      }
    } catch (error) {
      failures = position > before ? 1 : failures + 1
      if (failures > mostFailures) failS3(error)
      await sleep(pauseMs * 2 ** failures)
    }
  }
}

async function openBody(
  client: S3Client,
  bucket: string,
  object: StoredObject,
  { start, end }: ByteRange,
): Promise<AsyncIterable<Uint8Array>> {
  const { key, version, sizeBytes } = object
  // An etag is in quotes, a version of S3's is not.
  const pin = version.startsWith('"') ? { IfMatch: version } : { VersionId: version }
  const Range = `bytes=${start}-${end - 1}`
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range, ...pin })
  const { Body, ContentRange } = await client.send(command).catch((error) => {
    const isGone = [404, 412, 416].includes(statusOf(error)) && error.name !== 'NoSuchBucket'
    if (!isGone) return failS3(error)
    throw new ServiceError('object_gone', { detail: `${key} was deleted or overwritten.` })
  })
  if (ContentRange !== `bytes ${start}-${end - 1}/${sizeBytes}` || !isStream(Body)) {
    return failS3(new Error(`S3 answered ${ContentRange} to ${Range} of ${sizeBytes} bytes.`))
  }
  return Body
}

/** As it is in Node; leaving a loop over it closes the connection. */
const isStream = (body: object | undefined): body is AsyncIterable<Uint8Array> =>
  body !== undefined && Symbol.asyncIterator in body
