import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { errorCodes } from '#shared/errors/error-codes.ts'
import { writesText } from '#shared/generation/language-models.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import type { Task } from '#shared/tasks/task.ts'
import { accountOperations, type Operation } from './account-operations.ts'
import { batchOperations } from './batch-operations.ts'
import { generationOperations } from './generation-operations.ts'
import { accepted, deferral, jobOperations } from './job-operations.ts'
import { plainWriting } from './plain-writing.ts'
import { type Route, routes } from './routes.ts'

type Json = Record<string, unknown>

const json = (schema: Json, example?: unknown): Json => ({
  'application/json': { schema, ...(example !== undefined && { example }) },
})
const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

/**
 * The OpenAPI 3.1 document of the service, made of the routes and of the models' manifests: the
 * plain call is described once a model, since each has its own inputs and outputs.
 */
export async function createOpenapi(
  entries: readonly ModelEntry[],
  taskOf: (entry: ModelEntry) => Promise<Task>,
): Promise<Json> {
  const paths: Record<string, Json> = {}
  for (const route of routes) {
    if (route.action === 'predict') continue
    paths[route.path] = { ...paths[route.path], ...generalOperation(route) }
  }
  for (const entry of entries) {
    const task = writesText(entry) ? plainWriting : await taskOf(entry)
    paths[`/v1/models/${entry.manifest.name}/predict`] = predictOperation(entry, task)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'percall',
      version: '1',
      description: 'Models as pay-per-call functions.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key or an OpenID Connect token.',
        },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
      schemas,
    },
  }
}

function predictOperation(entry: ModelEntry, task: Pick<Task, 'media' | 'describe'>): Json {
  const { manifest, sample, expected } = entry
  const { input, output, parameters } = task.describe(taskModelOf(entry))
  const oneOrMany = (schema: Json): Json => ({
    anyOf: [schema, { type: 'array', items: schema, minItems: 1, maxItems: manifest.limits.rows }],
  })
  const body = {
    type: 'object',
    required: ['inputs'],
    additionalProperties: false,
    properties: {
      inputs: oneOrMany(input),
      parameters: { type: 'object', properties: parameters, additionalProperties: false },
    },
  }
  const raw = Object.fromEntries(
    task.media.map((type) => [type, { schema: { type: 'string', format: 'binary' } }]),
  )
  const answer = {
    type: 'object',
    required: ['model', 'version', 'outputs', 'timings'],
    properties: {
      model: { const: manifest.name },
      version: { type: 'string' },
      outputs: oneOrMany(output),
      timings: reference('Timings'),
    },
  }
  const example = { model: manifest.name, version: manifest.version, outputs: expected.outputs }
  return {
    post: {
      operationId: `predict-${manifest.name}`,
      summary: manifest.description,
      tags: [manifest.task.name],
      parameters: [rehearsal, ...deferral],
      requestBody: { required: true, content: { ...json(body, sample), ...raw } },
      responses: {
        200: { description: 'The prediction.', content: json(answer, example) },
        202: accepted,
        ...problems(
          'application/problem+json',
          'Problem',
          [400, 401, 402, 403, 404, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504],
        ),
      },
    },
  }
}

const operations: Partial<Record<Route['action'], Operation>> = {
  ...accountOperations,
  ...batchOperations,
  ...generationOperations,
  ...jobOperations,
  index: { summary: 'What this is.', answer: { type: 'object' } },
  openapi: { summary: 'This document.', answer: { type: 'object' } },
  models: {
    summary: 'The models.',
    answer: { type: 'object', required: ['object', 'data', 'models'] },
  },
  model: {
    summary: 'One model, with a sample call.',
    query: { labels: { enum: ['all'], description: 'All labels; else the first hundred.' } },
    answer: { type: 'object', required: ['id', 'inputs', 'outputs', 'sample'] },
  },
  'server-metadata': {
    summary: 'Open Inference Protocol: the server.',
    answer: { type: 'object', required: ['name', 'version', 'extensions'] },
  },
  live: {
    summary: 'Open Inference Protocol: alive.',
    answer: { type: 'object', required: ['live'] },
  },
  ready: {
    summary: 'Open Inference Protocol: able to infer.',
    answer: { type: 'object', required: ['ready'] },
  },
  'v2-models': {
    summary: 'Open Inference Protocol: names of the models.',
    answer: { type: 'object', required: ['models'] },
  },
  'model-metadata': {
    summary: 'Open Inference Protocol: tensors of a model.',
    answer: { type: 'object', required: ['name', 'platform', 'inputs', 'outputs'] },
  },
  'model-ready': {
    summary: 'Open Inference Protocol: the golden sample has passed.',
    answer: { type: 'object', required: ['name', 'ready'] },
  },
  infer: {
    summary: 'Open Inference Protocol: run a model on tensors.',
    body: reference('InferRequest'),
    answer: reference('InferResponse'),
  },
}

function generalOperation(route: Route): Json {
  const operation = operations[route.action] ?? { summary: '', answer: {} }
  const { summary, answer, body, bodyMedia, query = {} } = operation
  const { media = 'application/json', status = 200 } = operation
  const variables = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const isWriting = Object.hasOwn(generationOperations, route.action)
  const isCall = route.action === 'infer' || isWriting
  const parameters = [
    ...variables,
    ...Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema })),
    ...(isCall ? [rehearsal, ...deferral] : []),
  ]
  const isAccount =
    Object.hasOwn(accountOperations, route.action) ||
    Object.hasOwn(batchOperations, route.action) ||
    Object.hasOwn(jobOperations, route.action)
  const isV2 = route.dialect.name === 'open-inference'
  const failure = failureOf(route.dialect.name)
  const statuses = [
    ...(route.scope ? [401, 403, 429] : []),
    ...(variables.length > 0 ? [404] : []),
    // In OpenAI's words bad input is 400, too.
    ...(isAccount ? [400, ...(route.dialect.name === 'openai' ? [] : [422]), 503] : []),
    ...(isAccount && body ? [413, 415] : []),
    ...(isWriting ? [400, 404, 413, 415, 500, 502, 503, 504] : []),
    ...(isV2 && body ? [400, 413, 500, 501, 502, 503, 504] : []),
    ...(route.action.endsWith('ready') ? [503] : []),
    ...(Object.hasOwn(jobOperations, route.action) ? [409] : []),
  ]
  return {
    [route.method.toLowerCase()]: {
      operationId: `${route.action}${route.path.includes('{version}') ? '-version' : ''}`,
      summary,
      ...(route.scope === undefined && { security: [] }),
      ...(parameters.length > 0 && { parameters }),
      ...(body && { requestBody: { required: true, content: bodyOf(body, bodyMedia) } }),
      responses: {
        [status]: { description: 'As asked.', content: { [media]: { schema: answer } } },
        ...(isCall && { 202: accepted }),
        ...problems(failure.media, failure.schema, statuses),
      },
    },
  }
}

const bodyOf = (schema: Json, media?: string): Json =>
  media === undefined ? json(schema) : { [media]: { schema } }

/** How a dialect tells what went wrong. */
function failureOf(dialect: string): { readonly media: string; readonly schema: string } {
  if (dialect === 'openai') return { media: 'application/json', schema: 'OpenaiError' }
  if (dialect === 'open-inference') return { media: 'application/json', schema: 'V2Error' }
  return { media: 'application/problem+json', schema: 'Problem' }
}

function problems(mediaType: string, schema: string, statuses: readonly number[]): Json {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: titlesOf(status), content: { [mediaType]: { schema: reference(schema) } } },
    ]),
  )
}

/** Of paid calls (`middleware/rehearse`). */
const rehearsal: Json = {
  name: 'x-percall-test',
  in: 'header',
  description: 'Test keys only: be answered like this instead, and not charged.',
  schema: { enum: ['402', '409', '429', '500'] },
}

const titlesOf = (status: number): string =>
  Object.entries(errorCodes)
    .filter(([, row]) => row.status === status)
    .map(([code, { title }]) => `${code}: ${title}`)
    .join(' ') || 'Not possible.'

const tensor = {
  type: 'object',
  required: ['name', 'shape', 'datatype', 'data'],
  properties: {
    name: { type: 'string' },
    shape: { type: 'array', items: { type: 'integer', minimum: 1 } },
    datatype: { type: 'string' },
    data: { type: 'array' },
    parameters: { type: 'object' },
  },
}

const schemas: Json = {
  Problem: {
    description: 'RFC 9457 problem details.',
    type: 'object',
    required: ['type', 'title', 'status', 'code', 'fix', 'request_id'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      detail: { type: 'string' },
      code: { enum: Object.keys(errorCodes) },
      fix: { type: 'string' },
      retryable: { type: 'boolean' },
      model: { type: 'string' },
      request_id: { type: 'string' },
    },
  },
  OpenaiError: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'param', 'code'],
        properties: {
          message: { type: 'string' },
          type: { type: 'string' },
          param: { type: 'null' },
          code: { type: 'string' },
        },
      },
    },
  },
  V2Error: { type: 'object', required: ['error'], properties: { error: { type: 'string' } } },
  Timings: {
    description: 'Milliseconds.',
    type: 'object',
    properties: {
      prepare_ms: { type: 'number' },
      run_ms: { type: 'number' },
      interpret_ms: { type: 'number' },
    },
  },
  InferRequest: {
    type: 'object',
    required: ['inputs'],
    properties: {
      id: { type: 'string' },
      parameters: { type: 'object' },
      inputs: { type: 'array', items: tensor, minItems: 1 },
      outputs: { type: 'array', items: { type: 'object', required: ['name'] } },
    },
  },
  InferResponse: {
    type: 'object',
    required: ['model_name', 'outputs'],
    properties: {
      model_name: { type: 'string' },
      model_version: { type: 'string' },
      id: { type: 'string' },
      outputs: { type: 'array', items: tensor },
    },
  },
}
