import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Prediction, PredictRequest } from '#shared/inference/model.ts'
import { type HttpRequest, type HttpResponse, jsonResponse } from './http-message.ts'
import { parseJson } from './parse-json.ts'

/**
 * The plain call: `{"inputs": …, "parameters": {…}}` as a person would write it, or, for models
 * that take such media, the bytes of one file with the parameters in the query.
 * @throws ServiceError `unsupported_media_type`, `json_…`, `input_invalid`, `parameter_invalid`
 */
export function decodePredict(request: HttpRequest, media: readonly string[]): PredictRequest {
  const contentType =
    (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  const isJson = contentType === 'application/json' || contentType.endsWith('+json')
  if (isJson) return fromJson(request.body, media.length > 0)
  const isRaw =
    media.includes(contentType) || ['', 'application/octet-stream'].includes(contentType)
  if (media.length > 0 && isRaw)
    return { inputs: request.body, parameters: fromQuery(request.query) }
  throw new ServiceError('unsupported_media_type', {
    detail: contentType
      ? 'This model does not read that content type.'
      : 'The content type is missing.',
    fix: `Send the header "Content-Type: application/json"${media.length > 0 ? `, or ${media.join(', ')}` : ''}.`,
  })
}

function fromJson(body: Uint8Array, longStrings: boolean): PredictRequest {
  // A file inside JSON is one long string; the limit of the whole body has been kept already.
  const value = parseJson(body, longStrings ? { stringBytes: body.length } : {})
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ServiceError('input_invalid', { detail: 'The body must be a JSON object.' })
  }
  const { inputs, parameters = {}, ...rest } = value as Record<string, unknown>
  const unknownName = Object.keys(rest)[0]
  if (unknownName !== undefined) {
    throw new ServiceError('input_invalid', {
      detail: 'The body has a member other than "inputs" and "parameters".',
    })
  }
  if (inputs === undefined) {
    throw new ServiceError('input_invalid', { detail: 'The body has no member "inputs".' })
  }
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters)) {
    throw new ServiceError('parameter_invalid', { detail: '"parameters" must be an object.' })
  }
  return { inputs, parameters: parameters as Record<string, unknown> }
}

/** `?threshold=0.7`: numbers and booleans as such, anything else as text. */
function fromQuery(query: HttpRequest['query']): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, text]) => [
      name,
      /^(-?(0|[1-9]\d*)(\.\d+)?|true|false)$/.test(text) ? JSON.parse(text) : text,
    ]),
  )
}

/** `timings` are milliseconds. */
export function encodePrediction({ manifest }: ModelEntry, prediction: Prediction): HttpResponse {
  const { prepareMs, runMs, interpretMs } = prediction.timings
  return jsonResponse({
    model: manifest.name,
    version: manifest.version,
    outputs: prediction.outputs,
    timings: {
      prepare_ms: round(prepareMs),
      run_ms: round(runMs),
      interpret_ms: round(interpretMs),
    },
  })
}

const round = (milliseconds: number) => Math.round(milliseconds * 1_000) / 1_000
