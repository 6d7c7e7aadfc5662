import Stripe from 'stripe'
import { neverSent } from './never-sent.ts'
import type { FindOutcome, SendOutcome, Sink } from './sink.ts'
import { hourMs, type UsageRecord } from './usage-record.ts'

export interface StripeSinkOptions {
  readonly apiKey: string
  /** Default: Stripe's own. */
  readonly baseUrl?: string | undefined
  readonly name?: string
  readonly timeoutMs?: number
}

const minuteMs = 60_000
const dayMs = 24 * hourMs
const mostRecordsAnHour = 60

/**
 * Stripe meter events. A customer is a customer id, a meter an event name. Stripe refuses an
 * identifier that it has seen within at least 24 hours (a 400, which is success here) and takes events
 * up to 35 days old. Every record of an hour has a minute of its own, so that the meter's summary of
 * that minute tells later whether this very record arrived.
 *
 * https://docs.stripe.com/api/billing/meter-event/create
 * https://docs.stripe.com/api/billing/meter-event-summary/list
 */
export function createStripeSink({
  apiKey,
  baseUrl = 'https://api.stripe.com',
  name = 'stripe',
  timeoutMs = 10_000,
}: StripeSinkOptions): Sink {
  const { protocol, hostname, port } = new URL(baseUrl)
  const stripe = new Stripe(apiKey, {
    protocol: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    ...(port && { port }),
    httpClient: onceOnly(Stripe.createNodeHttpClient()),
    maxNetworkRetries: 0,
    timeout: timeoutMs,
    telemetry: false,
  })
  /** Ids of meters by their event names; they never change. */
  const meterIds = new Map<string, string>()

  async function sendOne(record: UsageRecord): Promise<SendOutcome> {
    try {
      await stripe.billing.meterEvents.create({
        event_name: record.meter,
        identifier: record.id,
        timestamp: minuteOf(record) / 1_000,
        payload: { stripe_customer_id: record.customer, value: record.quantity.toString() },
      })
      return { kind: 'accepted' }
    } catch (error) {
      return readFailure(error, record)
    }
  }

  async function meterId(eventName: string): Promise<string | undefined> {
    for await (const meter of stripe.billing.meters.list({ limit: 100 })) {
      meterIds.set(meter.event_name, meter.id)
    }
    return meterIds.get(eventName)
  }

  async function find(record: UsageRecord): Promise<FindOutcome> {
    try {
      const id = meterIds.get(record.meter) ?? (await meterId(record.meter))
      if (!id) return { kind: 'unclear', reason: `Stripe has no meter "${record.meter}".` }
      const start = minuteOf(record) / 1_000
      const { data } = await stripe.billing.meters.listEventSummaries(id, {
        customer: record.customer,
        start_time: start,
        end_time: start + minuteMs / 1_000,
      })
      const total = data.reduce((sum, { aggregated_value }) => sum + aggregated_value, 0)
      if (total === 0) return { kind: 'absent' }
      if (total === Number(record.quantity)) return { kind: 'present' }
      const reason = `Stripe shows ${total} in the minute of this record.`
      return { kind: 'unclear', reason }
    } catch (error) {
      return { kind: 'unknown', reason: reasonOf(error) }
    }
  }

  return {
    name,
    batchSize: 1,
    // An hour less than Stripe promises, for events that were long on their way.
    dedupeWindowMs: 23 * hourMs,
    accepts: (record, now) =>
      record.sequence < mostRecordsAnHour && now < minuteOf(record) + 35 * dayMs - hourMs,
    send: (records) => Promise.all(records.map(sendOne)),
    find,
  }
}

const minuteOf = ({ hour, sequence }: UsageRecord) => hour + sequence * minuteMs

function readFailure(error: unknown, { id }: UsageRecord): SendOutcome {
  const reason = reasonOf(error)
  if (!(error instanceof Stripe.errors.StripeError)) return { kind: 'unknown', reason }
  const { statusCode = 0, message } = error
  const duplicate = message.includes('already exists with identifier') && message.includes(id)
  if (statusCode === 400 && duplicate) return { kind: 'accepted' }
  if (statusCode === 400 || statusCode === 404) return { kind: 'refused', reason }
  // A wrong key or too many requests: nothing was stored, and it may pass.
  const turnedAway = statusCode >= 400 && statusCode < 500 && statusCode !== 409
  return { kind: turnedAway || neverSent(error.detail) ? 'not-landed' : 'unknown', reason }
}

/** Without the key, which Stripe repeats in part when it is wrong. */
const reasonOf = (error: unknown) =>
  error instanceof Stripe.errors.StripeError
    ? `${error.statusCode ?? 0} ${error.type}: ${error.message}`.replace(/\b[rs]k_\w+/g, 'key')
    : 'Stripe was not understood.'

/**
 * The SDK sends again on its own when a connection breaks, and then tells only of the second time.
 * Here every attempt is accounted for, so it does not learn what broke.
 */
function onceOnly(client: ReturnType<typeof Stripe.createNodeHttpClient>) {
  const makeRequest = client.makeRequest.bind(client)
  client.makeRequest = async (...request) => {
    try {
      return await makeRequest(...request)
    } catch (cause) {
      throw new Error('The connection to Stripe failed.', { cause })
    }
  }
  return client
}
