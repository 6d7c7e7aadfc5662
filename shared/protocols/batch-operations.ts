import type { Operation } from './account-operations.ts'
import type { BatchAction } from './routes.ts'

type Json = Readonly<Record<string, unknown>>

const text: Json = { type: 'string' }
const whole: Json = { type: 'integer', minimum: 0 }
const flag: Json = { type: 'boolean' }
const job: Json = {
  type: 'object',
  required: ['id', 'object', 'state', 'model', 'results', 'errors', 'cost_micros', 'progress'],
}

const pages = (maximum: number): Json => ({
  after: { ...text, description: 'The last id of the page before.' },
  limit: { type: 'integer', minimum: 1, maximum },
})
const file: Json = {
  type: 'object',
  required: ['id', 'object', 'bytes', 'created_at', 'filename', 'purpose'],
}
const batch: Json = {
  type: 'object',
  required: ['id', 'object', 'endpoint', 'status', 'input_file_id', 'created_at', 'request_counts'],
}
const listOf = (items: Json): Json => ({
  type: 'object',
  required: ['object', 'data', 'has_more'],
  properties: { data: { type: 'array', items } },
})

/** What the OpenAPI document says of batches. */
export const batchOperations: Readonly<Record<BatchAction, Operation>> = {
  'create-batch-job': {
    summary:
      'Score every record of a file. With dry_run only say how many records it has and what it would cost.',
    body: {
      type: 'object',
      required: ['model'],
      additionalProperties: false,
      properties: {
        model: { ...text, description: 'May carry a version or alias.' },
        input_file_id: { ...text, description: 'A file that was uploaded.' },
        input: { ...text, description: 'An object of the tenant in the store.' },
        input_prefix: { ...text, description: 'All objects under it, a record each: images.' },
        format: { enum: ['auto', 'jsonl', 'csv', 'tsv', 'parquet'] },
        parameters: { type: 'object' },
        output_format: { enum: ['jsonl', 'csv', 'parquet'] },
        output_compression: {
          enum: ['gzip', 'zstd'],
          description: 'Packs results that are JSONL or CSV.',
        },
        join: { ...flag, description: 'Carries the fields of the input along.' },
        max_charge_micros: whole,
        expires_at: { ...text, description: 'A day, or a moment with its zone (ISO 8601).' },
        dry_run: flag,
        exact: { ...flag, description: 'Of a dry run: counts every record.' },
      },
    },
    answer: job,
    status: 202,
  },
  'batch-jobs': {
    summary: 'The jobs, newest first.',
    query: pages(100),
    answer: listOf(job),
  },
  'batch-job': { summary: 'One job: how far it is, and what it costs.', answer: job },
  'cancel-batch-job': {
    summary: 'Stop a job: what is finished is published and paid for.',
    answer: job,
  },
  'resume-batch-job': {
    summary: 'Let a paused job go on, where a cap has stopped it with a higher one.',
    body: {
      type: 'object',
      additionalProperties: false,
      properties: { max_charge_micros: whole },
    },
    answer: job,
  },
  'batch-job-events': {
    summary: 'The job each time it has changed, as server-sent events.',
    answer: text,
    media: 'text/event-stream',
  },
  'batch-job-results': {
    summary: 'The results, in the order of the input.',
    answer: text,
    media: 'application/jsonl',
  },
  'batch-job-errors': {
    summary: 'The records that could not be scored, with line, byte and reason.',
    answer: text,
    media: 'application/jsonl',
  },
  'create-file': {
    summary: 'OpenAI: upload a file of calls; of records for a batch job, too.',
    bodyMedia: 'multipart/form-data',
    body: {
      type: 'object',
      required: ['file', 'purpose'],
      properties: {
        file: { type: 'string', format: 'binary', description: 'At most 200,000,000 bytes.' },
        purpose: { enum: ['batch'] },
        'expires_after[anchor]': { enum: ['created_at'] },
        'expires_after[seconds]': { type: 'integer', minimum: 3_600, maximum: 2_592_000 },
      },
    },
    answer: file,
  },
  files: {
    summary: 'OpenAI: the files, newest first.',
    query: { ...pages(10_000), order: { enum: ['asc', 'desc'] }, purpose: text },
    answer: listOf(file),
  },
  file: { summary: 'OpenAI: one file.', answer: file },
  'delete-file': {
    summary: 'OpenAI: delete a file.',
    answer: { type: 'object', required: ['id', 'object', 'deleted'] },
  },
  'file-content': {
    summary: 'OpenAI: the bytes of a file.',
    answer: text,
    media: 'application/octet-stream',
  },
  'create-batch': {
    summary: 'OpenAI: answer every call of a file.',
    body: {
      type: 'object',
      required: ['input_file_id', 'endpoint', 'completion_window'],
      additionalProperties: false,
      properties: {
        input_file_id: text,
        endpoint: { ...text, description: 'A route of a model, e.g. /v1/models/spam/predict.' },
        completion_window: { enum: ['24h'] },
        metadata: { type: ['object', 'null'], additionalProperties: text },
        output_expires_after: {
          type: 'object',
          required: ['anchor', 'seconds'],
          properties: {
            anchor: { enum: ['created_at'] },
            seconds: { type: 'integer', minimum: 3_600, maximum: 2_592_000 },
          },
        },
      },
    },
    answer: batch,
  },
  batches: {
    summary: 'OpenAI: the batches, newest first.',
    query: pages(100),
    answer: listOf(batch),
  },
  batch: { summary: 'OpenAI: one batch.', answer: batch },
  'cancel-batch': {
    summary: 'OpenAI: stop a batch; what is answered stays.',
    answer: batch,
  },
  'batch-job-manifest': {
    summary: 'What came out, with counts and digests.',
    answer: { type: 'object', required: ['job', 'records', 'results', 'errors', 'outputs'] },
  },
}
