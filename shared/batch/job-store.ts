import type { ChunkReport } from './chunk.ts'
import type { Job, JobState } from './job.ts'

/**
 * Which jobs there are and how far they are: DynamoDB on AWS, SQLite on one machine. Every driver
 * passes one contract suite. Every change is conditional, so that it may be repeated.
 *
 * Every method throws ServiceError `store_unavailable` when the store does not answer as it should.
 */
export interface JobStore {
  /** Writes a new job. */
  create(job: Job): Promise<'created' | 'exists'>
  find(id: string): Promise<Job | undefined>
  /** Of one tenant, newest first. */
  list(query: JobQuery): Promise<JobPage>
  /** Changes a job that is in one of the states; `undefined`, and no change, where it is not. */
  change(id: string, from: readonly JobState[], change: JobChange): Promise<Job | undefined>
  /** Counts a chunk as done, once however often it is told, and marks when in its `markSlot`. */
  finishChunk(id: string, report: ChunkReport): Promise<Job>
  /** What is known of finished chunks, in their order, from `first`. */
  reports(id: string, first: number, limit: number): Promise<ChunkReport[]>
  /** Jobs that are not at rest, for the reconciler: oldest change first. */
  unfinished(limit: number): Promise<Job[]>
  close(): Promise<void>
}

export type JobChange = Partial<
  Pick<Job, 'state' | 'chunks' | 'bytes' | 'raisedCharge' | 'rest' | 'problems' | 'outputs'>
> & {
  /** Of the change; `times[state]` keeps the first. */
  readonly at: number
}

export interface JobQuery {
  readonly tenant: string
  /** The id after which to go on; nothing comes after one that the tenant does not have. */
  readonly after?: string | undefined
  readonly limit: number
  readonly kind?: 'input' | 'call' | undefined
}

export interface JobPage {
  readonly jobs: readonly Job[]
  readonly more: boolean
}
