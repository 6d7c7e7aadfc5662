import { S3ServiceException } from '@aws-sdk/client-s3'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { PutOptions } from '../object-store.ts'

/** The HTTP status of S3's answer; 0 where there was none. */
export const statusOf = (error: unknown): number =>
  error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0

/** Whatever it is that the SDK did not get over: to callers it is one thing. */
export function failS3(cause: unknown): never {
  throw cause instanceof ServiceError ? cause : new ServiceError('store_unavailable', { cause })
}

/** How a reply names the version that it is about. */
export interface VersionReply {
  readonly VersionId?: string | undefined
  readonly ETag?: string | undefined
}

export const conditionOf = ({ ifAbsent = false }: PutOptions) =>
  ifAbsent ? { IfNoneMatch: '*' } : {}
