import { setTimeout as delay } from 'node:timers/promises'
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { type AwsPlace, sdkSettings } from '#shared/aws/sdk-settings.ts'
import type { ObjectStore, PutOptions, PutOutcome, StoredObject } from '../object-store.ts'
import { inBlocks } from './in-blocks.ts'
import { compareKeys, isObjectKey, objectKey } from './object-key.ts'
import { createS3ObjectDrafts } from './s3-object-drafts.ts'
import { conditionOf, failS3, statusOf, type VersionReply } from './s3-object-failure.ts'
import { readS3Object } from './s3-object-read.ts'
import { type S3Upload, startS3Upload } from './s3-object-upload.ts'
import { s3ObjectUrl } from './s3-object-url.ts'

export interface S3ObjectStoreOptions extends AwsPlace {
  readonly bucket: string
  readonly now?: () => number
  readonly sleep?: (ms: number) => Promise<unknown>
}

/** What is held of a stream at a time; anything shorter goes in one request. */
const partBytes = 16 * 1024 * 1024
/** Of a put that meets others of the same key. */
const mostConflicts = 5
const pauseMs = 50

/**
 * Objects in a bucket. A version is S3's own where the bucket keeps versions: it stays readable when
 * it was overwritten or deleted. Elsewhere it is the etag.
 */
export function createS3ObjectStore(options: S3ObjectStoreOptions): ObjectStore {
  const { bucket, endpoint, now = Date.now, sleep = delay } = options
  const client = new S3Client({ ...sdkSettings(options), forcePathStyle: endpoint !== undefined })

  async function put(key: string, bytes: Uint8Array, how: PutOptions = {}): Promise<PutOutcome> {
    const command = { Bucket: bucket, Key: objectKey(key), Body: bytes, ...conditionOf(how) }
    for (let conflicts = 0; ; ) {
      try {
        return written(key, bytes.length, await client.send(new PutObjectCommand(command)))
      } catch (error) {
        // Also where an earlier attempt got through and its reply did not.
        if (statusOf(error) === 412) return { kind: 'exists' }
        conflicts += 1
        if (statusOf(error) !== 409 || conflicts > mostConflicts) failS3(error)
        await sleep(pauseMs * 2 ** conflicts)
      }
    }
  }

  async function complete(key: string, upload: S3Upload, how: PutOptions): Promise<PutOutcome> {
    try {
      return written(key, upload.sizeBytes, await upload.complete(conditionOf(how)))
    } catch (error) {
      if (statusOf(error) !== 412) failS3(error)
      await upload.abort()
      return { kind: 'exists' }
    }
  }

  /** S3 does not say the time of what was just written. */
  const describeNew = (key: string, reply: VersionReply, sizeBytes: number): StoredObject => ({
    key,
    version: versionOf(reply),
    sizeBytes,
    modifiedAt: now(),
  })
  const written = (key: string, sizeBytes: number, reply: VersionReply): PutOutcome => ({
    kind: 'written',
    object: describeNew(key, reply, sizeBytes),
  })

  return {
    ...createS3ObjectDrafts({ client, bucket, describe: describeNew }),

    async head(key) {
      const command = new HeadObjectCommand({ Bucket: bucket, Key: objectKey(key) })
      const reply = await client.send(command).catch((error) => {
        if (statusOf(error) !== 404) failS3(error)
        return undefined
      })
      return reply && describe(key, reply.ContentLength, reply)
    },

    async *read(object, range = { start: 0, end: object.sizeBytes }) {
      objectKey(object.key)
      yield* readS3Object({ client, bucket, sleep }, object, range)
    },

    put,

    async write(key, bytes, how = {}) {
      objectKey(key)
      let upload: S3Upload | undefined
      try {
        for await (const block of inBlocks(bytes, partBytes)) {
          if (!upload && block.length < partBytes) return await put(key, block, how)
          upload ??= await startS3Upload(client, bucket, key)
          await upload.add(block)
        }
        return upload ? await complete(key, upload, how) : await put(key, new Uint8Array(), how)
      } catch (error) {
        await upload?.abort()
        throw error
      }
    },

    async list(prefix, { after = '', limit }) {
      const objects: StoredObject[] = []
      // Versions, because a plain listing does not say which one an object is at.
      const place = { Bucket: bucket, Prefix: prefix }
      let from: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {
        KeyMarker: after || undefined,
      }
      for (;;) {
        const command = new ListObjectVersionsCommand({ ...place, ...from })
        const page = await client.send(command).catch(failS3)
        for (const { Key = '', IsLatest, Size, ...reply } of page.Versions ?? []) {
          if (!IsLatest || compareKeys(Key, after) <= 0 || !isObjectKey(Key)) continue
          const last = objects.at(-1)
          if (last && objects.length >= limit) return { objects, next: last.key }
          objects.push(describe(Key, Size, reply))
        }
        if (!page.IsTruncated) return { objects }
        from = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
      }
    },

    async remove(key) {
      const command = new DeleteObjectCommand({ Bucket: bucket, Key: objectKey(key) })
      await client.send(command).catch(failS3)
    },

    signedUrl: (object, how) => s3ObjectUrl({ ...options, now }, object, how),

    close: async () => client.destroy(),
  }
}

/** A bucket without versions says `null` in listings and nothing elsewhere. */
const versionOf = ({ VersionId = 'null', ETag = '' }: VersionReply) =>
  VersionId === 'null' ? ETag : VersionId

const describe = (
  key: string,
  sizeBytes = 0,
  reply: VersionReply & { readonly LastModified?: Date | undefined },
): StoredObject => ({
  key,
  version: versionOf(reply),
  sizeBytes,
  modifiedAt: reply.LastModified?.getTime() ?? 0,
})
