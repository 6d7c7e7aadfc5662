import { type Answer, type ReceivedRequest, startFaultyHttpServer } from './faulty-http-server.ts'

const apiKey = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'
const dayMs = 24 * 60 * 60 * 1_000

interface MeterEvent {
  readonly identifier: string
  readonly eventName: string
  readonly customer: string
  readonly value: number
  readonly timestamp: number
  readonly receivedAt: number
}

/**
 * Stripe's meter events, as its API reference says: identifiers are refused for 24 hours and are new
 * again afterwards, timestamps lie within 35 days and 5 minutes, summaries are cut at minutes.
 */
export async function startStripeServer(options: {
  readonly now: () => number
  /** Event names by the ids of their meters. */
  readonly meters: Readonly<Record<string, string>>
  readonly customers: readonly string[]
}) {
  const { now, meters, customers } = options
  const events: MeterEvent[] = []

  function create({ body, headers }: ReceivedRequest): Answer {
    if (headers['content-type'] !== 'application/x-www-form-urlencoded') return refuse('Bad type.')
    const form = new URLSearchParams(body)
    const known = ['event_name', 'identifier', 'timestamp', ...payload]
    const unknown = [...form.keys()].find((name) => !known.includes(name))
    if (unknown) return refuse(`Received unknown parameter: ${unknown}`)
    const [eventName = '', identifier = '', seconds = '', customer = '', value = ''] = known.map(
      (name) => form.get(name) ?? undefined,
    )
    if (!Object.values(meters).includes(eventName)) return refuse('No active meter found.')
    if (identifier === '' || identifier.length > 100) return refuse('Invalid identifier.')
    if (!/^\d+$/.test(seconds) || !/^\d{1,15}$/.test(value)) return refuse('Invalid integer.')
    const timestamp = Number(seconds) * 1_000
    if (timestamp < now() - 35 * dayMs) return refuse('The timestamp is too far in the past.')
    if (timestamp > now() + 5 * 60_000) return refuse('The timestamp is too far in the future.')
    if (!customers.includes(customer)) return refuse(`No such customer: '${customer}'`)
    const earlier = events.find(
      (event) => event.identifier === identifier && event.receivedAt > now() - dayMs,
    )
    if (earlier) return refuse(`An event already exists with identifier ${identifier}.`)
    events.push({
      identifier,
      eventName,
      customer,
      value: Number(value),
      timestamp,
      receivedAt: now(),
    })
    return json({
      object: 'billing.meter_event',
      created: Math.floor(now() / 1_000),
      event_name: eventName,
      identifier,
      livemode: false,
      payload: { stripe_customer_id: customer, value },
      timestamp: Number(seconds),
    })
  }

  function summarize({ url }: ReceivedRequest, meter: string): Answer {
    const [from, to] = ['start_time', 'end_time'].map((name) => Number(url.searchParams.get(name)))
    if (!from || !to || from % 60 !== 0 || to % 60 !== 0) return refuse('Not a minute boundary.')
    const counted = events.filter(
      (event) =>
        event.eventName === meters[meter] &&
        event.customer === url.searchParams.get('customer') &&
        event.timestamp >= from * 1_000 &&
        event.timestamp < to * 1_000,
    )
    const aggregated_value = counted.reduce((sum, { value }) => sum + value, 0)
    const summary = { id: 'mtrusg_1', object: 'billing.meter_event_summary', aggregated_value }
    const times = { meter, livemode: false, start_time: from, end_time: to }
    return list(counted.length > 0 ? [{ ...summary, ...times }] : [])
  }

  const server = await startFaultyHttpServer((request) => {
    const { method, url, headers } = request
    if (headers.authorization !== `Bearer ${apiKey}`) {
      return refuse(`Invalid API Key provided: ${headers.authorization?.slice(7)}`, 401)
    }
    const call = `${method} ${url.pathname}`
    if (call === 'POST /v1/billing/meter_events') return create(request)
    if (call === 'GET /v1/billing/meters') {
      return list(Object.entries(meters).map(([id, event_name]) => ({ id, event_name })))
    }
    const meter = /^GET \/v1\/billing\/meters\/(\w+)\/event_summaries$/.exec(call)?.[1]
    return meter ? summarize(request, meter) : refuse('Unrecognized request URL.', 404)
  })
  return { ...server, apiKey, events }
}

const payload = ['payload[stripe_customer_id]', 'payload[value]']

const json = (body: object, status = 200): Answer => ({ status, body: JSON.stringify(body) })
const list = (data: readonly object[]) => json({ object: 'list', data, has_more: false })
const refuse = (message: string, status = 400) =>
  json({ error: { type: 'invalid_request_error', message } }, status)
