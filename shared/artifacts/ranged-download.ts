import { setTimeout as sleep } from 'node:timers/promises'
import { ServiceError } from '#shared/errors/service-error.ts'
import { allocateBytes } from './allocate-bytes.ts'
import { arrivingDigest, type Range } from './arriving-digest.ts'
import type { ArtifactRef, FetchOptions } from './artifact-store.ts'

/** One request for the bytes `from` up to `to`, of which it may bring fewer before it fails. */
export type FetchRange = (request: {
  readonly from: number
  readonly to: number
  readonly into: Uint8Array
  readonly onBytes: (count: number) => void
  readonly signal: AbortSignal
}) => Promise<void>

export interface RangedDownloadOptions {
  /** At most so many connections at once, each with at least 2 MiB to fetch. */
  maxConnections?: number
  /** For everything, retries included. */
  timeoutMs?: number
  /** Failed attempts in a row, without one byte of progress, after which a range is given up. */
  maxAttempts?: number
  /** The wait doubles from here, with full jitter, up to the second. */
  retryDelayMs?: readonly [first: number, longest: number]
  /** 0 up to 1. */
  random?: () => number
}

const minBytesPerConnection = 2 * 1024 * 1024

/**
 * Fetches a file in parallel ranges into one array and verifies it on the way. A range whose
 * connection fails (`artifact_unavailable`) is resumed where it stopped; any other failure is final.
 */
export async function rangedDownload(
  ref: ArtifactRef,
  fetchRange: FetchRange,
  { signal, onProgress }: FetchOptions = {},
  {
    maxConnections = 8,
    timeoutMs = 60_000,
    maxAttempts = 6,
    retryDelayMs = [50, 2_000],
    random = Math.random,
  }: RangedDownloadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  signal?.throwIfAborted()
  const bytes = allocateBytes(ref.bytes)
  const ranges = planRanges(ref.bytes, maxConnections)
  const digest = arrivingDigest(ref, bytes, ranges)
  let receivedBytes = 0
  let lastFailure: unknown

  const stop = new AbortController()
  const onAbort = () => stop.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  const deadline = setTimeout(() => stop.abort(timedOut(ref, timeoutMs, lastFailure)), timeoutMs)
  try {
    await Promise.all(ranges.map(fill))
  } catch (error) {
    stop.abort(error)
    throw error
  } finally {
    clearTimeout(deadline)
    signal?.removeEventListener('abort', onAbort)
  }
  if (!digest.isVerified()) throw new ServiceError('artifact_digest_mismatch')
  return bytes

  async function fill(range: Range): Promise<void> {
    let failures = 0
    while (range.position < range.end) {
      const from = range.position
      try {
        await fetchRange({
          from,
          to: range.end,
          into: bytes.subarray(from, range.end),
          onBytes: (count) => advance(range, count),
          signal: stop.signal,
        })
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code !== 'artifact_unavailable') throw error
        lastFailure = error
        failures = range.position > from ? 1 : failures + 1
        if (failures === maxAttempts) throw error
        const [first, longest] = retryDelayMs
        const delayMs = random() * Math.min(longest, first * 2 ** failures)
        await sleep(delayMs, undefined, { signal: stop.signal }).catch(() =>
          stop.signal.throwIfAborted(),
        )
      }
    }
  }

  function advance(range: Range, count: number): void {
    const from = range.position
    range.position += count
    receivedBytes += count
    digest.arrived(from, range.position)
    onProgress?.({ receivedBytes, totalBytes: ref.bytes })
  }
}

/** Equal shares; the digest does not ask that they fall on the borders of pieces. */
function planRanges(sizeBytes: number, maxConnections: number): Range[] {
  const count = Math.min(maxConnections, Math.ceil(sizeBytes / minBytesPerConnection))
  const border = (index: number) => Math.round((sizeBytes * index) / count)
  return Array.from({ length: count }, (_, index) => ({
    start: border(index),
    position: border(index),
    end: border(index + 1),
  }))
}

const timedOut = (ref: ArtifactRef, timeoutMs: number, cause: unknown) =>
  new ServiceError('artifact_timed_out', {
    detail: `${ref.key} did not arrive within ${timeoutMs} ms.`,
    cause,
  })
