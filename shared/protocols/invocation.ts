import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { type HttpRequest, type HttpResponse, jsonResponse } from './http-message.ts'
import { mlflowError, readMlflow } from './mlflow.ts'
import { parseJson } from './parse-json.ts'

/** A call of `POST /invocations` as one of a route of the service, and its answer as the caller knows it. */
export interface Invocation {
  readonly request: HttpRequest
  answer(response: HttpResponse): HttpResponse
}

const binaryType = 'application/vnd.sagemaker-triton.binary+json'
const binarySize = /^application\/vnd\.sagemaker-triton\.binary\+json\s*;\s*json-header-size=(\d+)$/

/**
 * SageMaker's one route for many dialects: which one is meant, content type and keys tell.
 *
 * | body | meant as | answer |
 * |---|---|---|
 * | not JSON | plain call with one file | the outputs |
 * | `inputs`: tensors | Open Inference Protocol | as there |
 * | `messages`, `prompt` | OpenAI | as there |
 * | `dataframe_split`, `dataframe_records`, `instances` | MLflow, TF Serving | `{"predictions"}` |
 * | `inputs`, `parameters` | Hugging Face's task of the model | the outputs |
 *
 * @param request with its body inflated
 * @throws ServiceError `json_…`, `input_invalid`, `not_acceptable`
 */
export function readInvocation(request: HttpRequest, { manifest }: ModelEntry): Invocation {
  refuseUnacceptable(request)
  const { name, version } = manifest
  const to = (path: string, headers: HttpRequest['headers'] = {}, body = request.body) => ({
    ...request,
    path,
    // Whoever forwards reads the answer, so it is not packed on the way.
    headers: {
      ...request.headers,
      'content-encoding': undefined,
      'accept-encoding': undefined,
      ...headers,
    },
    body,
  })
  const predict = `/v1/models/${name}@${version}/predict`
  const infer = `/v2/models/${name}/versions/${version}/infer`

  const [, headerSize] = binarySize.exec(contentTypeOf(request)) ?? []
  if (headerSize !== undefined) {
    const binary = {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': headerSize,
    }
    return { request: to(infer, binary), answer: toBinaryType }
  }
  if (!isJson(request)) return { request: to(predict), answer: toOutputs }

  const body = parseJson(request.body, { stringBytes: request.body.length })
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new ServiceError('input_invalid', { detail: 'The body must be a JSON object.' })
  }
  const members = body as Record<string, unknown>
  const json = (path: string, value: object) =>
    to(path, { 'content-type': 'application/json' }, Buffer.from(JSON.stringify(value)))
  if (areTensors(members.inputs)) return { request: to(infer), answer: asItIs }
  const writing = routeOfWriting(members)
  if (writing) {
    return { request: json(writing, { model: `${name}@${version}`, ...members }), answer: asItIs }
  }
  const table = readMlflow(members)
  return table
    ? { request: json(predict, table), answer: toPredictions }
    : { request: to(predict), answer: toOutputs }
}

/** An error that came before the dialect was known, in the words of MLflow. */
export const invocationError = (error: ServiceError): HttpResponse =>
  mlflowError(error.status, `${error.detail ?? error.title} ${error.fix}`)

const contentTypeOf = ({ headers }: HttpRequest) => (headers['content-type'] ?? '').trim()

function isJson(request: HttpRequest): boolean {
  const type = contentTypeOf(request).split(';')[0]?.trim().toLowerCase() ?? ''
  return type === 'application/json' || type.endsWith('+json')
}

/** Every answer is JSON, or events of one that is written. */
function refuseUnacceptable({ headers }: HttpRequest): void {
  const types = (headers.accept ?? '*/*').split(',').map((item) => item.split(';')[0]?.trim())
  const known = ['*/*', 'application/*', 'application/json', 'text/event-stream', binaryType, '']
  if (!types.some((type) => known.includes(type?.toLowerCase() ?? ''))) {
    throw new ServiceError('not_acceptable')
  }
}

const areTensors = (inputs: unknown): boolean =>
  Array.isArray(inputs) &&
  inputs.length > 0 &&
  inputs.every(
    (one) =>
      typeof one === 'object' &&
      one !== null &&
      ['name', 'shape', 'datatype'].every((key) => Object.hasOwn(one, key)),
  )

function routeOfWriting(members: Record<string, unknown>): string | undefined {
  if (Object.hasOwn(members, 'messages')) return '/v1/chat/completions'
  return Object.hasOwn(members, 'prompt') ? '/v1/completions' : undefined
}

const asItIs = (response: HttpResponse) => response

function toBinaryType(response: HttpResponse): HttpResponse {
  const { 'inference-header-content-length': size, ...headers } = response.headers
  if (size === undefined) return response
  return {
    ...response,
    headers: { ...headers, 'content-type': `${binaryType};json-header-size=${size}` },
  }
}

const toOutputs = (response: HttpResponse) => reply(response, (outputs) => outputs)
const toPredictions = (response: HttpResponse) =>
  reply(response, (predictions) => ({ predictions }))

/** An answer of the plain call in other words; what it says of price and request stays in headers. */
function reply(response: HttpResponse, encode: (outputs: unknown) => unknown): HttpResponse {
  const said = JSON.parse(Buffer.from(response.body).toString('utf8')) as Record<string, unknown>
  const { body, status, headers } =
    response.status < 400
      ? jsonResponse(encode(said.outputs))
      : mlflowError(response.status, `${said.detail ?? said.title} ${said.fix}`)
  return { ...response, status, body, headers: { ...response.headers, ...headers } }
}
