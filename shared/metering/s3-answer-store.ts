import * as http from 'node:http'
import * as https from 'node:https'
import { setTimeout as delay } from 'node:timers/promises'
import type { AwsCredentials } from '#shared/aws/credentials.ts'
import { requestTarget } from '#shared/aws/request-target.ts'
import { signRequest } from '#shared/aws/sign-request.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { AnswerStore } from './answer-store.ts'

export interface S3AnswerStoreOptions {
  readonly bucket: string
  readonly region: string
  readonly credentials: () => AwsCredentials | Promise<AwsCredentials>
  /** Of an S3 server other than AWS's. */
  readonly endpoint?: string | undefined
  /** One attempt. */
  readonly timeoutMs?: number
  readonly maxAttempts?: number
  readonly now?: () => number
  readonly sleep?: (ms: number) => Promise<unknown>
}

interface Reply {
  /** 0 where no answer came. */
  readonly status: number
  readonly body: Buffer
  readonly cause?: unknown
}

/**
 * Answers in a bucket of their own, whose lifecycle removes them when nobody can ask any more. Who
 * reads must be allowed to list as well (`s3:ListBucket`), or S3 answers 403 for what is not there.
 */
export function createS3AnswerStore(options: S3AnswerStoreOptions): AnswerStore {
  const { bucket, region, credentials, timeoutMs = 5_000, maxAttempts = 3 } = options
  const { now = Date.now, sleep = delay } = options
  const url = new URL(options.endpoint ?? `https://${bucket}.s3.${region}.amazonaws.com`)
  const { Agent, request } = url.protocol === 'http:' ? http : https
  const agent = new Agent({ keepAlive: true })
  const pathOf = (name: string) => `${options.endpoint === undefined ? '' : `/${bucket}`}/${name}`

  /** Every operation here may run twice: names are created once, and hold what they say. */
  async function send(
    method: 'GET' | 'PUT' | 'DELETE',
    name: string,
    expected: readonly number[],
    body?: Uint8Array,
  ): Promise<Reply> {
    for (let attempt = 1; ; attempt += 1) {
      const reply = await sendOnce(method, name, body).catch(
        (cause): Reply => ({ status: 0, body: Buffer.alloc(0), cause }),
      )
      if (expected.includes(reply.status)) return reply
      // 409: somebody else is creating this very object.
      const passing = reply.status === 0 || reply.status >= 500 || [409, 429].includes(reply.status)
      if (!passing || attempt === maxAttempts) {
        throw new ServiceError('store_unavailable', {
          cause: reply.cause ?? new Error(`S3 answered ${reply.status}: ${reply.body}`),
        })
      }
      await sleep(25 * 2 ** attempt)
    }
  }

  async function sendOnce(method: string, name: string, body?: Uint8Array): Promise<Reply> {
    const path = pathOf(name)
    const headers = signRequest({
      method,
      host: url.host,
      path,
      ...(body && {
        body,
        headers: { 'content-length': `${body.byteLength}`, 'if-none-match': '*' },
      }),
      service: 's3',
      region,
      credentials: await credentials(),
      now,
    })
    const signal = AbortSignal.timeout(timeoutMs)
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const target = { method, agent, headers, signal, path: requestTarget(path) }
    request(url, target, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }),
      )
      response.on('error', reject)
    })
      .on('error', reject)
      .end(body)
    return promise
  }

  return {
    // 412: it exists, so an earlier attempt of this very put got through.
    put: async (name, body) => void (await send('PUT', name, [200, 412], body)),
    async get(name) {
      const { status, body } = await send('GET', name, [200, 404])
      return status === 200 ? new Uint8Array(body) : undefined
    },
    remove: async (name) => void (await send('DELETE', name, [200, 204, 404])),
  }
}
