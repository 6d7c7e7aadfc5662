import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { ObjectDraft, ObjectDrafts } from '../object-drafts.ts'
import type { PutOptions, StoredObject } from '../object-store.ts'
import { conditionOf, failS3, statusOf, type VersionReply } from './s3-object-failure.ts'

export interface S3DraftsOptions {
  readonly client: S3Client
  readonly bucket: string
  /** What S3 does not say of an object that has just been written. */
  readonly describe: (key: string, reply: VersionReply, sizeBytes: number) => StoredObject
}

/** All but the last have at least 5 MB, and there are at most 10,000: up to 160 GB. */
const pieceBytes = 16 * 1024 * 1024

/**
 * Multipart uploads, by their ids. S3 knows their parts, so nobody has to remember them; the bucket's
 * lifecycle removes those that nobody completes.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
 */
export function createS3ObjectDrafts({ client, bucket, describe }: S3DraftsOptions): ObjectDrafts {
  const uploadOf = ({ key, id }: ObjectDraft) => ({ Bucket: bucket, Key: key, UploadId: id })
  const orGone = (error: unknown) => (statusOf(error) === 404 ? ('gone' as const) : failS3(error))

  async function partsOf(draft: ObjectDraft) {
    const parts: (CompletedPart & { Size?: number | undefined })[] = []
    for (let PartNumberMarker: string | undefined; ; ) {
      const command = new ListPartsCommand({ ...uploadOf(draft), PartNumberMarker })
      const page = await client.send(command).catch(orGone)
      if (page === 'gone') return undefined
      parts.push(...(page.Parts ?? []))
      if (!page.IsTruncated) return parts
      PartNumberMarker = page.NextPartNumberMarker
    }
  }

  return {
    pieceBytes,

    async begin(key) {
      const object = { Bucket: bucket, Key: key, ChecksumAlgorithm: 'CRC32' } as const
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(object)).catch(failS3)
      return { key, id: UploadId ?? '' }
    },

    async addPiece(draft, index, Body) {
      const command = new UploadPartCommand({ ...uploadOf(draft), PartNumber: index + 1, Body })
      const reply = await client.send(command).catch(orGone)
      return reply === 'gone' ? reply : 'added'
    },

    async finish(draft, pieces, how: PutOptions = {}) {
      const parts = await partsOf(draft)
      if (parts?.length !== pieces) return { kind: 'gone' }
      const Parts = parts.map(({ PartNumber, ETag, ChecksumCRC32 }) => ({
        PartNumber,
        ETag,
        ChecksumCRC32,
      }))
      const command = { ...uploadOf(draft), ...conditionOf(how), MultipartUpload: { Parts } }
      const sizeBytes = parts.reduce((sum, { Size = 0 }) => sum + Size, 0)
      try {
        const reply = await client.send(new CompleteMultipartUploadCommand(command))
        return { kind: 'written', object: describe(draft.key, reply, sizeBytes) }
      } catch (error) {
        if (statusOf(error) === 404) return { kind: 'gone' }
        if (statusOf(error) !== 412) return failS3(error)
        await this.abandon(draft)
        return { kind: 'exists' }
      }
    },

    async abandon(draft) {
      await client.send(new AbortMultipartUploadCommand(uploadOf(draft))).catch(orGone)
    },
  }
}
