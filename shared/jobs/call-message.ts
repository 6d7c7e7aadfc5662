import * as z from 'zod/mini'
import type { Message } from '#shared/batch/queue.ts'
import type { DeferredCall } from './deferred-call.ts'

const message = z.object({ call: z.string() })

/** What the queues carry: a name. It is a wake-up; what is to be done stands in the store. */
export const readCallMessage = (body: string): string => message.parse(JSON.parse(body)).call

/** The tenant is its group: tenants take turns. */
export const callMessage = ({ id, order }: DeferredCall): Message => ({
  body: JSON.stringify({ call: id }),
  group: order.caller.tenant,
})
