import * as z from 'zod/mini'
import type { BatchFile } from '#shared/batch/files.ts'
import type { Job, JobState } from '#shared/batch/job.ts'
import { id, queryInteger } from './read-members.ts'

/** Files and batches in the words of the OpenAI API; times are seconds since 1970. */

/** `completion_window` is always "24h". */
export const windowMs = 86_400_000

const text = z.string().check(z.minLength(1), z.maxLength(512))

export const newBatch = z.strictObject({
  input_file_id: id,
  endpoint: text,
  completion_window: z.literal('24h'),
  metadata: z.optional(
    z.nullable(
      z
        .record(z.string().check(z.maxLength(64)), z.string().check(z.maxLength(512)))
        .check(z.refine((pairs) => Object.keys(pairs).length <= 16)),
    ),
  ),
  output_expires_after: z.optional(
    z.strictObject({
      anchor: z.literal('created_at'),
      seconds: z.int().check(z.minimum(3_600), z.maximum(2_592_000)),
    }),
  ),
})

export const filePage = z.strictObject({
  after: z.optional(id),
  limit: z._default(queryInteger(1, 10_000), 10_000),
  order: z.optional(z.enum(['asc', 'desc'])),
  purpose: z.optional(text),
})

export const batchPage = z.strictObject({
  after: z.optional(id),
  limit: z._default(queryInteger(1, 100), 20),
})

export const fileAnswer = ({
  id,
  sizeBytes,
  createdAt,
  expiresAt,
  filename,
  purpose,
}: BatchFile) => ({
  id,
  object: 'file',
  bytes: sizeBytes,
  created_at: seconds(createdAt),
  ...(expiresAt !== undefined && { expires_at: seconds(expiresAt) }),
  filename,
  purpose,
  status: 'processed',
})

export const listAnswer = <Item extends { readonly id: string }>(
  data: readonly Item[],
  more: boolean,
) => ({
  object: 'list',
  data,
  first_id: data[0]?.id ?? null,
  last_id: data.at(-1)?.id ?? null,
  has_more: more,
})

const statuses: Readonly<Record<JobState, string>> = {
  planning: 'validating',
  scoring: 'in_progress',
  paused: 'in_progress',
  publishing: 'finalizing',
  published: 'completed',
  cancelling: 'cancelling',
  cancelled: 'cancelled',
  expiring: 'finalizing',
  expired: 'expired',
  failing: 'finalizing',
  failed: 'failed',
}

export interface BatchAnswerParts {
  /** How many requests the file holds, once it has been checked. */
  readonly total: number
  readonly outputFileId: string | undefined
  readonly errorFileId: string | undefined
}

/** A job as a batch. `percall` says what the states of the API have no words for. */
export function batchAnswer(
  job: Job,
  { total, outputFileId, errorFileId }: BatchAnswerParts,
): { readonly id: string } & Record<string, unknown> {
  const { order, times, done, state, problems } = job
  const { records, batch } = order
  return {
    id: batchId(job.id),
    object: 'batch',
    endpoint: records.kind === 'call' ? records.url : '',
    errors:
      state === 'failed'
        ? {
            object: 'list',
            data: problems.map((problem) => ({ param: null, line: null, ...problem })),
          }
        : null,
    input_file_id: batch?.fileId ?? '',
    completion_window: '24h',
    status: statuses[state],
    output_file_id: outputFileId ?? null,
    error_file_id: errorFileId ?? null,
    created_at: seconds(job.createdAt),
    in_progress_at: optional(times.scoring),
    expires_at: optional(order.expiresAt),
    finalizing_at: optional(times.publishing ?? times.expiring),
    completed_at: optional(times.published),
    failed_at: optional(times.failed),
    expired_at: optional(times.expired),
    cancelling_at: optional(times.cancelling),
    cancelled_at: optional(times.cancelled),
    request_counts: {
      total,
      completed: done.results,
      // The error file of an expired batch tells of every call that was not answered.
      failed: state === 'expired' ? total - done.results : done.errors,
    },
    metadata: batch?.metadata ?? null,
    ...(state === 'paused' && {
      percall: {
        paused: problems,
        resume: `POST /v1/batch-jobs/${job.id}/resume`,
      },
    }),
  }
}

export const batchId = (jobId: string): string => jobId.replace(/^job_/, 'batch_')
export const jobIdOf = (batch: string): string => batch.replace(/^batch_/, 'job_')

const seconds = (at: number) => Math.floor(at / 1_000)
const optional = (at: number | undefined) => (at === undefined ? null : seconds(at))
