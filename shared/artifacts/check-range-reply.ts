import { ServiceError } from '#shared/errors/service-error.ts'
import type { ArtifactRef } from './artifact-store.ts'
import type { HttpReply } from './http-range-request.ts'

/**
 * Whether a reply carries the bytes from `from` up to `to`, exactly as asked. False for a reply
 * that is no success.
 *
 * @throws ServiceError `artifact_truncated` where the file is not as long as its manifest says,
 * `artifact_unavailable` where the reply is about other bytes or in a form that cannot be placed
 */
export function checkRangeReply(
  { status, headers }: HttpReply,
  ref: ArtifactRef,
  from: number,
  to: number,
): boolean {
  if (status !== 200 && status !== 206) return false
  if (headers.has('transfer-encoding')) throw unusable('in chunks of unknown length')
  const contentLength = Number(headers.get('content-length') ?? Number.NaN)

  // A server without ranges sends the whole file: welcome only where the whole file was asked for.
  const [, first, last, total] =
    status === 200
      ? [undefined, 0, contentLength - 1, contentLength]
      : (/^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []).map(Number)
  if (total !== undefined && total !== ref.bytes) throw wrongLength(ref, total)
  if (first !== from || last !== to - 1 || contentLength !== to - from) {
    throw unusable('with other bytes than those asked for')
  }
  return true
}

const unusable = (how: string) =>
  new ServiceError('artifact_unavailable', { detail: `The artifact store answered ${how}.` })

const wrongLength = ({ key, bytes }: ArtifactRef, actual: number) =>
  new ServiceError('artifact_truncated', {
    detail: `${key} has ${actual} bytes, and its manifest says ${bytes}.`,
  })
