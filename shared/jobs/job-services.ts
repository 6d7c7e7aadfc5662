import type { ObjectStore } from '#shared/batch/object-store.ts'
import type { Queue } from '#shared/batch/queue.ts'
import type { Lane } from './deferred-call.ts'
import type { DeferredCallStore } from './deferred-call-store.ts'
import type { Warmth } from './warmth.ts'
import type { SecretServices } from './webhooks/webhook-secrets.ts'
import type { WebhookPolicy } from './webhooks/webhook-url.ts'

/** What the use cases of the room stand on. */
export interface JobServices extends SecretServices {
  readonly calls: DeferredCallStore
  /** Bodies and answers. */
  readonly objects: ObjectStore
  /** Calls of small models, those of heavy ones, and who is to be told. */
  readonly queues: Readonly<Record<CallQueue, Queue>>
  readonly warmth: Warmth
  /** How long an instance that has run a heavy model keeps it ready. */
  readonly warmMs: number
  readonly webhookPolicy: WebhookPolicy
  /** Fresh, unguessable: 128 bits. */
  readonly newId: () => string
  /** In [0, 1): spreads retries. */
  readonly random: () => number
  /** Calls that run at a time, where that is known. */
  readonly workers?: Readonly<Partial<Record<Lane, Workers>>> | undefined
}

/** Where many calls wait: as many workers at once, and in the end. */
export interface Workers {
  readonly least: number
  readonly most: number
}

export type CallQueue = 'light' | 'heavy' | 'webhook'
