import * as z from 'zod/mini'
import { amount, id, moment, queryInteger } from './read-members.ts'

const text = z.string().check(z.minLength(1), z.maxLength(1_024))
const formats = ['auto', 'jsonl', 'csv', 'tsv', 'parquet'] as const

/** Orders a job, or with `dry_run` only says what it would cost. */
export const newBatchJob = z
  .strictObject({
    model: text,
    /** An uploaded file, … */
    input_file_id: z.optional(id),
    /** … an object that lies in the store already (of the own tenant), … */
    input: z.optional(text),
    /** … or all objects under a prefix, a record each: images. */
    input_prefix: z.optional(text),
    format: z._default(z.enum(formats), 'auto'),
    parameters: z._default(z.record(z.string(), z.unknown()), {}),
    output_format: z._default(z.enum(['jsonl', 'csv', 'parquet']), 'jsonl'),
    /** Packs the results, which are text then. */
    output_compression: z.optional(z.enum(['gzip', 'zstd'])),
    /** Carries the fields of the input along. */
    join: z._default(z.boolean(), false),
    max_charge_micros: z.optional(amount),
    expires_at: z.optional(moment),
    dry_run: z._default(z.boolean(), false),
    /** Of a dry run: counts every record. */
    exact: z._default(z.boolean(), false),
  })
  .check(
    z.refine(
      ({ input_file_id, input, input_prefix }) =>
        [input_file_id, input, input_prefix].filter((named) => named !== undefined).length === 1,
      { path: ['input'] },
    ),
    z.refine(
      ({ output_format, output_compression }) =>
        output_compression === undefined || output_format !== 'parquet',
      { path: ['output_compression'] },
    ),
    z.refine(({ exact, dry_run }) => dry_run || !exact, { path: ['exact'] }),
  )

export const batchJobPage = z.strictObject({
  after: z.optional(id),
  limit: z._default(queryInteger(1, 100), 20),
})

/** Lets a paused job go on; a cap that stopped it is raised first. */
export const batchJobResume = z.strictObject({ max_charge_micros: z.optional(amount) })

/** Names nothing but the path does. */
export const nothing = z.strictObject({})
