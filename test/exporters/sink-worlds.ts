import { createCloudEventsSink } from '#shared/exporters/cloud-events-sink.ts'
import { createMarketplaceSink } from '#shared/exporters/marketplace-sink.ts'
import type { Outbox, OutboxRecord } from '#shared/exporters/outbox.ts'
import type { Export } from '#shared/exporters/sink.ts'
import { createStripeSink } from '#shared/exporters/stripe-sink.ts'
import { hourOf } from '#shared/exporters/usage-record.ts'
import { startCloudEventsServer } from '#test/servers/cloud-events-server.ts'
import type { Fault } from '#test/servers/faulty-http-server.ts'
import { startMarketplaceServer } from '#test/servers/marketplace-server.ts'
import { startStripeServer } from '#test/servers/stripe-server.ts'
import { toldOf } from './exporter-samples.ts'

/** A sink, the server behind it, and what stands in that server's books. */
export interface SinkWorld {
  readonly export: Export
  readonly url: string
  readonly plan: (...faults: (Fault | undefined)[]) => void
  readonly always: (fault: Fault | undefined) => void
  readonly received: readonly unknown[]
  /** What will be billed for a meter. */
  readonly billed: (meter: string) => number
  /** How often something stands in the books. */
  readonly lines: () => number
  /** What a person sees who looks whether a record is there. */
  readonly has: (record: OutboxRecord) => boolean
  readonly stop: () => Promise<void>
}

type Open = (now: () => number) => Promise<SinkWorld>

const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)

export const sinkWorlds: Readonly<Record<string, Open>> = {
  async stripe(now) {
    const meters = { mtr_1: 'calls', mtr_2: 'micros' }
    const server = await startStripeServer({ now, meters, customers: ['cus_1'] })
    const { apiKey, url: baseUrl, events } = server
    return {
      ...server,
      export: { sink: createStripeSink({ apiKey, baseUrl }), ...toldOf('cus_1') },
      billed: (meter) =>
        total(events.filter((event) => event.eventName === meter).map(({ value }) => value)),
      lines: () => events.length,
      has: ({ id }) => events.some(({ identifier }) => identifier === id),
    }
  },

  async marketplace(now) {
    const account = '111122223333'
    const dimensions = ['calls', 'micros']
    const server = await startMarketplaceServer({ now, dimensions, subscribers: [account] })
    const { region, url: endpoint, metered } = server
    const credentials = () => server.credentials
    const settings = { region, endpoint, credentials, productCode: 'product' }
    return {
      ...server,
      export: { sink: createMarketplaceSink(settings), ...toldOf(account) },
      billed: (meter) =>
        total(
          metered()
            .filter(({ Dimension }) => Dimension === meter)
            .map(({ Quantity }) => Quantity),
        ),
      lines: () => metered().length,
      has: ({ meter, hour }) =>
        metered().some(
          ({ Dimension, Timestamp }) => Dimension === meter && hourOf(Timestamp * 1_000) === hour,
        ),
    }
  },

  async 'cloud-events'(now) {
    const server = await startCloudEventsServer({ now })
    const { events } = server
    return {
      ...server,
      export: { sink: createCloudEventsSink({ ...server }), ...toldOf('acme') },
      billed: (meter) =>
        total(
          events()
            .filter(({ data }) => data.meter === meter)
            .map(({ data }) => Number(data.quantity)),
        ),
      lines: () => events().length,
      has: ({ id }) => events().some((event) => event.id === id),
    }
  },
}

/** What a person does: looks into the sink's books and says what stands there. */
export async function waitingFor(outbox: Outbox, sink: string) {
  const query = { sink, state: 'needs-reconciliation', limit: 1_000 } as const
  return outbox.list(query)
}
