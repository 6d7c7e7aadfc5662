import { requestTarget } from '#shared/aws/request-target.ts'
import { signRequest } from '#shared/aws/sign-request.ts'
import { artifactKey } from './artifact-key.ts'
import type { ArtifactRef, ArtifactStore } from './artifact-store.ts'
import { checkRangeReply } from './check-range-reply.ts'
import { httpRangeRequest } from './http-range-request.ts'
import { type FetchRange, type RangedDownloadOptions, rangedDownload } from './ranged-download.ts'
import type { s3ArtifactPublisher } from './s3-artifact-publisher.ts'
import { s3Failure } from './s3-failure.ts'
import { keyPrefix, type S3Location, s3Address } from './s3-location.ts'

export interface S3ArtifactStoreOptions extends S3Location, RangedDownloadOptions {
  /** A connection that brings fewer than `minBytes` within `withinMs` is dropped and resumed. */
  readonly pace?: { readonly minBytes: number; readonly withinMs: number }
  readonly now?: () => number
}

/**
 * Model files in S3. Fetching needs nothing but sockets and a signature, because importing the AWS
 * SDK costs more than everything else in a cold start; publishing and listing load the SDK.
 */
export function s3ArtifactStore(options: S3ArtifactStoreOptions): ArtifactStore {
  const { bucket, region, credentials, now = Date.now } = options
  const prefix = keyPrefix(options)
  const { pace = { minBytes: 8 * 1024, withinMs: 5_000 } } = options
  const { server, hostHeader, basePath } = s3Address(options)
  const pathOf = (key: string) => `${basePath}/${prefix}${artifactKey(key)}`

  /** Signed anew for every range and every retry. */
  function requestHead(path: string, headers: Record<string, string>): string {
    const request = { method: 'GET', host: hostHeader, path, headers, service: 's3', region }
    const signed = Object.entries(signRequest({ ...request, credentials, now }))
    const lines = signed.map(([name, value]) => `${name}: ${value}`)
    return `GET ${requestTarget(path)} HTTP/1.1\r\n${lines.join('\r\n')}\r\nconnection: close\r\n\r\n`
  }

  function fetchRangeOf(ref: ArtifactRef): FetchRange {
    const path = pathOf(ref.key)
    // Of the first reply: a resumed range must not go on in another version of the file.
    let etag: string | undefined
    return async ({ from, to, into, onBytes, signal }) => {
      const range = `bytes=${from}-${to - 1}`
      const reply = await httpRangeRequest({
        server,
        head: requestHead(path, etag ? { range, 'if-match': etag } : { range }),
        into,
        accept: (head) => {
          const accepted = checkRangeReply(head, ref, from, to)
          const tag = head.headers.get('etag')
          // A weak tag (W/"…") never matches a condition.
          if (accepted && tag?.startsWith('"')) etag ??= tag
          return accepted
        },
        onBytes,
        pace,
        signal,
      })
      if (reply.status !== 200 && reply.status !== 206) {
        const reason = /<Code>(\w+)<\/Code>/.exec(reply.text)?.[1]
        throw s3Failure(ref.key, { status: reply.status, reason })
      }
    }
  }

  let publishing: Promise<ReturnType<typeof s3ArtifactPublisher>> | undefined
  const publisher = () => {
    publishing ??= import('./s3-artifact-publisher.ts').then((driver) =>
      driver.s3ArtifactPublisher(options),
    )
    return publishing
  }

  return {
    location: `s3://${bucket}/${prefix}`,
    fetch: async (ref, fetchOptions) =>
      rangedDownload(ref, fetchRangeOf(ref), fetchOptions, options),
    publish: async (key, bytes) => (await publisher()).publish(key, bytes),
    async *list(start) {
      yield* (await publisher()).list(start)
    },
    has: async (ref) => (await publisher()).has(ref),
  }
}
