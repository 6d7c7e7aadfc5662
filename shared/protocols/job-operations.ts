import type { Operation } from './account-operations.ts'
import type { JobAction } from './routes.ts'

type Json = Readonly<Record<string, unknown>>

const text: Json = { type: 'string' }
const job: Json = {
  type: 'object',
  required: ['id', 'object', 'state', 'model', 'priority', 'attempts', 'position', 'seconds_left'],
  properties: {
    state: { enum: ['queued', 'running', 'succeeded', 'failed', 'cancelled'] },
    position: {
      type: ['integer', 'null'],
      description: "The tenant's own jobs that have their turn before it; null in lists.",
    },
    seconds_left: {
      type: ['object', 'null'],
      description:
        'By the last runs of the model; null where there are none, and in lists. No upper bound is told where an instance must be started first, or a run takes longer than those before it.',
      properties: { low: { type: 'integer' }, high: { type: ['integer', 'null'] } },
    },
    webhook: {
      type: ['object', 'null'],
      description: 'Null where none was asked for.',
      properties: {
        state: { enum: ['waiting', 'pending', 'delivered', 'failed'] },
        attempts: { type: 'integer' },
        outcome: {
          type: ['string', 'null'],
          description: 'Of the last attempt: a status, or in a word what was in the way.',
        },
      },
    },
  },
}

/** What the OpenAPI document says of calls that were put off. */
export const jobOperations: Readonly<Record<JobAction, Operation>> = {
  jobs: {
    summary: 'The calls that were put off (Prefer: respond-async), newest first.',
    query: {
      after: { ...text, description: 'The last id of the page before.' },
      limit: { type: 'integer', minimum: 1, maximum: 100 },
    },
    answer: {
      type: 'object',
      required: ['object', 'data', 'has_more'],
      properties: { data: { type: 'array', items: job } },
    },
  },
  job: { summary: 'One job: its state, its place in the queue and the time left.', answer: job },
  'job-result': {
    summary: 'The answer of the call as it would have been, with its status and headers.',
    answer: {},
  },
  'cancel-job': {
    summary: 'Do not run a job, or stop it: then it costs nothing.',
    answer: job,
  },
  'webhook-secret': {
    summary: 'When the secret was made that signs webhooks; the secret itself is not shown again.',
    answer: { type: 'object', required: ['object', 'created_at'] },
  },
  'make-webhook-secret': {
    summary:
      'A new secret to sign webhooks with, shown this once. The one before signs beside it for a day.',
    body: { type: 'object', additionalProperties: false, properties: {} },
    answer: { type: 'object', required: ['object', 'secret', 'created_at'] },
    status: 201,
  },
}

const header = (name: string, description: string, schema: Json = text): Json => ({
  name,
  in: 'header',
  description,
  schema,
})

/** How any call of a model is put off. */
export const deferral: readonly Json[] = [
  header('prefer', 'With respond-async the call becomes a job (RFC 7240).'),
  header(
    'percall-priority',
    'Of a job, among those of the tenant; high needs the scope predict:high.',
    { enum: ['low', 'normal', 'high'] },
  ),
  header('percall-webhook', 'Of a job: an https URL that is told of its end (Standard Webhooks).'),
]

/** The answer to a call that is put off, because its caller prefers that or its model is heavy. */
export const accepted: Json = {
  description: 'The call will be answered later: a job.',
  headers: { location: { description: 'Where its state is.', schema: text } },
  content: { 'application/json': { schema: job } },
}
