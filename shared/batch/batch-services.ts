import type { Catalog } from '#shared/catalog/catalog.ts'
import type { Meter } from '#shared/metering/metered-call.ts'
import type { PriceBook } from '#shared/metering/price-book.ts'
import type { ChunkSizes } from './cut-source.ts'
import type { JobOrder } from './job.ts'
import type { JobStore } from './job-store.ts'
import type { ObjectStore } from './object-store.ts'
import type { Queue } from './queue.ts'
import type { Scorer } from './scorer.ts'

/** What the use cases of the room stand on. */
export interface BatchServices {
  readonly objects: ObjectStore
  readonly jobs: JobStore
  readonly queues: Readonly<Record<Stage, Queue>>
  /** Keeps what it answered as long as jobs are kept: a chunk's report is its answer. */
  readonly meter: Meter
  readonly prices: PriceBook
  readonly catalog: Catalog
  /** Whether work for the key that ordered it may still begin. */
  readonly mayBegin: (order: JobOrder) => Promise<boolean>
  readonly now: () => number
  /** When this run must end (epoch ms): what takes longer goes on in the next; never where absent. */
  readonly until?: number
  readonly chunkSizes?: ChunkSizes
}

/** What scoring needs beside that. */
export interface ScoringServices extends BatchServices {
  readonly scorer: Scorer
  /** Of this machine. */
  readonly cpuClass: string
}

/** What is done with a job, one after the other; each has a queue of its own. */
export type Stage = 'plan' | 'score' | 'publish'

/** What handling a message came to: done with it, or to be delivered again after a while. */
export type Handled =
  | 'done'
  | { readonly againAfterMs: number; readonly pressure?: Pressure | undefined }

/**
 * Why work was too much at a time: a store does not keep up, or of the money and the calls that are
 * allowed all is held by work that runs.
 */
export type Pressure = 'throttled' | 'held'
