import type { ErrorCode } from '#shared/errors/error-codes.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  401: 'artifact_access_denied',
  403: 'artifact_access_denied',
  404: 'artifact_not_found',
  // Only a resumed read has a condition: that the file is still the one it began with.
  412: 'artifact_digest_mismatch',
  416: 'artifact_truncated',
}

/** @param reason S3's own word, such as `NoSuchKey` or `SlowDown` */
export function s3Failure(
  key: string,
  { status, reason, cause }: { status: number; reason?: string | undefined; cause?: unknown },
): ServiceError {
  const answer = reason ? `${status} ${reason}` : `${status}`
  return new ServiceError(codeOfStatus[status] ?? 'artifact_unavailable', {
    detail: `The artifact store answered ${answer} for ${key}.`,
    cause,
  })
}
