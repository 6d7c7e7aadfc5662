import type { LimitedParty } from '#shared/metering/counter-holds.ts'
import type { Micros } from '#shared/metering/money.ts'
import type { Compression } from './formats/unpack.ts'
import type { StoredObject } from './object-store.ts'

/**
 * One input to be scored. What never changes stands in `order`; the rest is what has happened.
 *
 * planning → scoring → publishing → published
 *    ↓        ↓ ↑
 *  failed    paused           cancelling → cancelled and expiring → expired publish what is finished
 *                             failing → failed where that cannot be done: nothing is paid for it
 */
export interface Job {
  readonly id: string
  readonly order: JobOrder
  readonly createdAt: number
  readonly state: JobState
  /** Of the last change, finished chunks included. */
  readonly changedAt: number
  /** When each state was entered first. */
  readonly times: Readonly<Partial<Record<JobState, number>>>
  /** 0 until it is planned. */
  readonly chunks: number
  readonly bytes: number
  readonly done: JobCounts
  /** How far it was when, lately: what its pace is read off. Oldest first. */
  readonly marks: readonly ProgressMark[]
  /** How long it was paused, where it was. */
  readonly rest?: JobRest | undefined
  /** What `order.maxCharge` was raised to since. */
  readonly raisedCharge?: Micros | undefined
  /** Of `failed` and `paused`: why, and what to do; of OpenAI batches all that is wrong, by line. */
  readonly problems: readonly JobProblem[]
  /** Of `published`, `cancelled` and `expired`. */
  readonly outputs: readonly JobOutput[]
}

/** The most that a job may cost as it stands. */
export const maxChargeOf = ({ order, raisedCharge }: Job): Micros | undefined =>
  raisedCharge ?? order.maxCharge

/** What it costs as it stands: a job that failed costs nothing, whatever was refunded for that. */
export const costOf = ({ state, done }: Job): Micros =>
  state === 'failing' || state === 'failed' ? 0n : done.charge

export type JobState =
  | 'planning'
  | 'scoring'
  | 'paused'
  | 'cancelling'
  | 'expiring'
  | 'publishing'
  | 'published'
  | 'cancelled'
  | 'expired'
  /** Its results are lost; what it was charged is being given back. */
  | 'failing'
  | 'failed'

/** What was ordered, by whom, and who pays. */
export interface JobOrder {
  readonly tenant: string
  readonly keyId: string
  readonly project: string | undefined
  /** The key with its limits, where it has some. */
  readonly parties: readonly LimitedParty[]
  /** Ordered with a test key: costs nothing. */
  readonly free: boolean
  readonly input: JobInput
  /** `spam@1`, with the digest that the name stood for when it was ordered. */
  readonly model: string
  readonly modelDigest: string
  /** The snapshot that every record is charged by. */
  readonly priceId: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly output: {
    readonly format: OutputFormat
    /** Of results that are text. */
    readonly compression?: Compression | undefined
    /** Carries the input's fields along. */
    readonly join: boolean
    /** Outputs are `${prefix}results.jsonl` and the like. */
    readonly prefix: string
  }
  /** What one record is: an input of the model, or a whole call in a client's dialect. */
  readonly records: RecordKind
  /** The most that it may cost; see `maxChargeOf`. */
  readonly maxCharge: Micros | undefined
  /** Epoch milliseconds; what is not finished then is left. */
  readonly expiresAt: number | undefined
  /** Hash of the request, where it has a key under which it may come again. */
  readonly fingerprint?: string | undefined
  /** Of the OpenAI batch that it was ordered as. */
  readonly batch?: BatchOrder | undefined
}

/** What an OpenAI batch says beside that. */
export interface BatchOrder {
  readonly fileId: string
  /** How long its outputs are kept, from the time of the order. */
  readonly outputSeconds?: number | undefined
  readonly metadata: Readonly<Record<string, string>>
}

export type RecordKind =
  | { readonly kind: 'input' }
  /** Lines `{custom_id, method, url, body}`, all of this route. */
  | { readonly kind: 'call'; readonly url: string }

/** One object, or all objects under a prefix (images), each a record. */
export type JobInput =
  | { readonly kind: 'object'; readonly object: StoredObject; readonly format: InputFormat }
  | { readonly kind: 'prefix'; readonly prefix: string }

/** `auto`: by its name, else by its first bytes. */
export type InputFormat = 'auto' | 'jsonl' | 'csv' | 'tsv' | 'parquet'
export type OutputFormat = 'jsonl' | 'csv' | 'parquet'

/** Of committed chunks only, so no number ever falls. */
export interface JobCounts {
  readonly chunks: number
  readonly bytes: number
  readonly results: number
  readonly errors: number
  readonly charge: Micros
}

/** So many bytes were done at that time. */
export interface ProgressMark {
  readonly at: number
  readonly bytes: number
}

export interface JobRest {
  /** Of the pauses that are over, in all. */
  readonly ms: number
  /** When the pause began that it is in, or was in last. */
  readonly since: number
  /** When that was over. */
  readonly until?: number | undefined
}

export interface JobProblem {
  readonly code: string
  readonly message: string
  /** From 1. */
  readonly line?: number | undefined
}

export interface JobOutput {
  readonly name: 'results' | 'errors' | 'manifest'
  readonly key: string
  readonly sizeBytes: number
  readonly sha256: string
}
