import { ServiceError } from '#shared/errors/service-error.ts'
import { postJson } from './post-json.ts'
import { signWebhook } from './sign-webhook.ts'
import type { SendOutcome, Sink } from './sink.ts'
import { hourMs, type UsageRecord } from './usage-record.ts'

export interface CloudEventsSinkOptions {
  /** Where events are posted, https or on this machine. */
  readonly url: string
  /** `whsec_` and base64 of 24 to 64 bytes, which the receiver has as well. */
  readonly secret: string
  /** The events' source, a URI that names this installation. With the id it is an event's identity. */
  readonly source: string
  /** How long the receiver knows an event again. CloudEvents sets no end to that. */
  readonly dedupeWindowMs?: number
  readonly name?: string
  readonly timeoutMs?: number
}

/**
 * CloudEvents 1.0 over HTTP, structured mode, one event a record, signed as Standard Webhooks say. 2xx
 * is success, and so is 409 (it has the event); other 4xx but 408 and 429 refuse the event for good.
 *
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 */
export function createCloudEventsSink({
  url,
  secret,
  source,
  dedupeWindowMs = Number.POSITIVE_INFINITY,
  name = 'cloud-events',
  timeoutMs = 10_000,
}: CloudEventsSinkOptions): Sink {
  const key = readSecret(secret)

  async function sendOne(record: UsageRecord, now: number): Promise<SendOutcome> {
    const body = JSON.stringify(toEvent(record, source))
    const headers = {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      ...signWebhook({ id: record.id, body, at: now }, [key]),
    }
    const { status, reached, text, ...failure } = await postJson(url, { headers, body, timeoutMs })
    if ((status >= 200 && status < 300) || status === 409) return { kind: 'accepted' }
    if (!reached || status === 429) return { kind: 'not-landed', ...failure }
    if (status >= 400 && status < 500 && status !== 408) {
      return { kind: 'refused', reason: failure.reason }
    }
    return { kind: 'unknown', ...failure }
  }

  return {
    name,
    batchSize: 1,
    dedupeWindowMs,
    accepts: () => true,
    send: (records, now) => Promise.all(records.map((record) => sendOne(record, now))),
  }
}

const toEvent = (record: UsageRecord, source: string) => ({
  specversion: '1.0',
  id: record.id,
  source,
  type: 'percall.usage',
  subject: record.customer,
  // The last moment of what is counted.
  time: new Date(record.hour + hourMs - 1).toISOString(),
  datacontenttype: 'application/json',
  data: {
    tenant: record.tenant,
    meter: record.meter,
    // A string: numbers of JSON are exact to 53 bits only.
    quantity: record.quantity.toString(),
    hour: new Date(record.hour).toISOString(),
    sequence: record.sequence,
  },
})

function readSecret(secret: string): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  if (secret.startsWith('whsec_') && key.length >= 24 && key.length <= 64) return key
  throw new ServiceError('configuration_invalid', {
    detail: 'The secret of the events is not "whsec_" and base64 of 24 to 64 bytes.',
  })
}
