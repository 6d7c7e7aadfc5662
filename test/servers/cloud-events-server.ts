import { createHmac, timingSafeEqual } from 'node:crypto'
import * as z from 'zod/mini'
import { type Answer, type ReceivedRequest, startFaultyHttpServer } from './faulty-http-server.ts'

const key = Buffer.alloc(32, 7)

/** What CloudEvents 1.0 demands, and what percall puts into its events. */
const event = z.strictObject({
  specversion: z.literal('1.0'),
  id: z.string().check(z.minLength(1)),
  source: z.literal('https://percall.test/eu'),
  type: z.literal('percall.usage'),
  subject: z.string(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  data: z.strictObject({
    tenant: z.string(),
    meter: z.string(),
    quantity: z.string().check(z.regex(/^[1-9]\d*$/)),
    hour: z.iso.datetime(),
    sequence: z.int(),
  }),
})
type Event = z.infer<typeof event>

/** A receiver of events that knows each by its source and id, for ever. */
export async function startCloudEventsServer(options: { readonly now: () => number }) {
  const events = new Map<string, Event>()
  const server = await startFaultyHttpServer((request) => {
    if (!isSigned(request, options.now())) return { status: 401, body: 'signature' }
    if (request.headers['content-type'] !== 'application/cloudevents+json; charset=utf-8') {
      return { status: 415, body: 'content type' }
    }
    const received = event.parse(JSON.parse(request.body))
    if (received.id !== request.headers['webhook-id']) return { status: 400, body: 'id' }
    events.set(`${received.source} ${received.id}`, received)
    return { status: 204, body: '' } satisfies Answer
  })
  return {
    ...server,
    secret: `whsec_${key.toString('base64')}`,
    source: 'https://percall.test/eu',
    events: () => [...events.values()],
  }
}

/** As Standard Webhooks say, within their five minutes. */
function isSigned({ method, headers, body }: ReceivedRequest, now: number): boolean {
  const time = String(headers['webhook-timestamp'])
  if (method !== 'POST' || Math.abs(Number(time) * 1_000 - now) > 300_000) return false
  const signed = `${headers['webhook-id']}.${time}.${body}`
  const expected = Buffer.from(`v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
  const given = Buffer.from(String(headers['webhook-signature']))
  return expected.length === given.length && timingSafeEqual(expected, given)
}
