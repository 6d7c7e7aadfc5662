import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  type CompleteMultipartUploadCommandOutput,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { failS3 } from './s3-object-failure.ts'

/** An object in the making: nobody sees it before it is complete. */
export interface S3Upload {
  /** All but the last part have at least 5 MB, and there are at most 10,000. */
  add(part: Uint8Array): Promise<void>
  /** Rejects with the SDK's own error. @param condition `{ IfNoneMatch: '*' }`, or nothing */
  complete(condition: { IfNoneMatch?: string }): Promise<CompleteMultipartUploadCommandOutput>
  /** Where it fails as well, the bucket's lifecycle removes the parts a day later. */
  abort(): Promise<void>
  readonly sizeBytes: number
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html */
export async function startS3Upload(
  client: S3Client,
  bucket: string,
  key: string,
): Promise<S3Upload> {
  const object = { Bucket: bucket, Key: key }
  const command = new CreateMultipartUploadCommand({ ...object, ChecksumAlgorithm: 'CRC32' })
  const { UploadId } = await client.send(command).catch(failS3)
  const upload = { ...object, UploadId }
  const parts: CompletedPart[] = []
  let sizeBytes = 0

  return {
    get sizeBytes() {
      return sizeBytes
    },

    async add(Body) {
      const PartNumber = parts.length + 1
      const command = new UploadPartCommand({ ...upload, PartNumber, Body })
      const { ETag, ChecksumCRC32 } = await client.send(command).catch(failS3)
      parts.push({ PartNumber, ETag, ChecksumCRC32 })
      sizeBytes += Body.length
    },

    complete: (condition) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...upload,
          ...condition,
          MultipartUpload: { Parts: parts },
        }),
      ),

    async abort() {
      await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {})
    },
  }
}
