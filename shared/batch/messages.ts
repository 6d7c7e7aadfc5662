import * as z from 'zod/mini'
import type { Job } from './job.ts'
import type { Message } from './queue.ts'

/** What the queues carry: names only. What is to be done stands in the job store. */
export interface JobMessage {
  readonly job: string
}

export interface ChunkMessage extends JobMessage {
  readonly chunk: number
}

const jobMessage = z.object({ job: z.string() })
const chunkMessage = z.object({ job: z.string(), chunk: z.int().check(z.gte(0)) })

export const readJobMessage = (body: string): JobMessage => jobMessage.parse(JSON.parse(body))

export const readChunkMessage = (body: string): ChunkMessage => chunkMessage.parse(JSON.parse(body))

export function toMessage({ id, order }: Job, chunk?: number): Message {
  return { body: JSON.stringify({ job: id, chunk }), group: order.tenant }
}
