import * as http from 'node:http'
import * as https from 'node:https'
import { AddressRefused, guardedLookup, type Resolve } from './guarded-lookup.ts'
import { readWebhookUrl, type WebhookPolicy } from './webhook-url.ts'

export interface WebhookMessage {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What came back: a status, or in a word what was in the way. */
export type WebhookOutcome =
  | { readonly kind: 'answered'; readonly status: number }
  | {
      readonly kind: 'failed'
      readonly reason: 'refused-address' | 'timeout' | 'unreachable' | 'unsigned'
    }

export type SendWebhook = (message: WebhookMessage) => Promise<WebhookOutcome>

export interface WebhookSenderOptions {
  readonly policy: WebhookPolicy
  readonly resolve?: Resolve
  /** Of all: look-up, connection, answer. */
  readonly timeoutMs?: number
  /** Certificates to trust beside the system's own. */
  readonly ca?: string
}

/**
 * Sends messages to addresses that callers have named. The receiver is not trusted: the connection goes
 * where was checked and is used once, redirects are answers like any other, of an answer only the
 * status is looked at, and nothing takes longer than the limit.
 */
export function createWebhookSender(options: WebhookSenderOptions): SendWebhook {
  const { policy, resolve, timeoutMs = 10_000, ca } = options
  const lookup = guardedLookup(policy, resolve)

  return ({ url: text, headers, body }) => {
    let url: URL
    try {
      url = readWebhookUrl(text, policy)
    } catch {
      return Promise.resolve({ kind: 'failed', reason: 'refused-address' })
    }
    const { request } = url.protocol === 'http:' ? http : https
    return new Promise((done) => {
      const signal = AbortSignal.timeout(timeoutMs)
      const settings = {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' },
        agent: false,
        maxHeaderSize: 16_384,
        lookup,
        signal,
        ...(ca !== undefined && { ca }),
      } as const
      request(url, settings, (response) => {
        done({ kind: 'answered', status: response.statusCode ?? 0 })
        // Whatever it says, nobody reads it.
        response.destroy()
      })
        .on('error', (error) => {
          const isRefused = error instanceof AddressRefused || error.cause instanceof AddressRefused
          const reason = isRefused ? 'refused-address' : signal.aborted ? 'timeout' : 'unreachable'
          done({ kind: 'failed', reason })
        })
        .end(body)
    })
  }
}
