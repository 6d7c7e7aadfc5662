import { createHmac } from 'node:crypto'

export interface SignedMessage {
  /** The same for every attempt to deliver it, by which a receiver knows it again. */
  readonly id: string
  readonly body: string
  /** Of the attempt, epoch milliseconds. */
  readonly at: number
}

/**
 * The headers of a Standard Webhook: `v1,<base64 of HMAC-SHA-256 over "id.timestamp.body">`, one for
 * each key while one takes the place of another.
 *
 * https://github.com/standard-webhooks/standard-webhooks
 */
export function signWebhook(
  { id, body, at }: SignedMessage,
  keys: readonly Uint8Array[],
): Record<string, string> {
  const timestamp = String(Math.floor(at / 1_000))
  const signed = `${id}.${timestamp}.${body}`
  const signatures = keys.map(
    (key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
  )
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  }
}
