import type { Manifest } from '#shared/catalog/manifest.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { InferRequest, InferResult } from '#shared/inference/model.ts'
import { elementCount, type Tensor, type TensorInfo, type Tensors } from '#shared/runtime/tensor.ts'
import { type HttpRequest, type HttpResponse, jsonResponse } from './http-message.ts'
import { parseJson } from './parse-json.ts'
import { readTensorData } from './tensor-data.ts'

/** Open Inference Protocol v2 over REST, JSON tensors: kserve/open-inference-protocol. */
export interface V2Request extends InferRequest {
  /** Comes back unchanged. */
  readonly id: string | undefined
}

/** @throws ServiceError `json_…`, `input_invalid`, `tensor_…`, `datatype_wrong`, `shape_wrong`, … */
export function decodeInfer(request: HttpRequest, { manifest }: ModelEntry): V2Request {
  if (request.headers['inference-header-content-length'] !== undefined) {
    throw new ServiceError('unsupported_media_type', {
      detail: 'Binary tensors are not taken.',
      fix: 'Send the tensors as JSON; GET /v2 lists the extensions that are served.',
    })
  }
  const bigIntegers = manifest.inputs.some(({ datatype }) => datatype.endsWith('INT64'))
  const body = asObject(parseJson(request.body, { bigIntegers }), 'The body')
  const { id, inputs, outputs, parameters } = body
  if (id !== undefined && typeof id !== 'string') throw invalid('"id" must be a string.')
  if (parameters !== undefined) refuseReserved(asObject(parameters, '"parameters"'))
  return { id, inputs: readInputs(inputs, manifest), outputs: readOutputs(outputs, manifest) }
}

function readInputs(value: unknown, manifest: Manifest): Tensors {
  if (!Array.isArray(value)) throw invalid('"inputs" must be an array of tensors.')
  const tensors: Record<string, Tensor> = {}
  for (const item of value) {
    const tensor = asObject(item, 'An input')
    const info = infoOf(tensor.name, manifest.inputs)
    if (Object.hasOwn(tensors, info.name)) throw invalid(`The input "${info.name}" is sent twice.`)
    tensors[info.name] = readTensor(tensor, info, manifest.limits)
  }
  const missing = manifest.inputs.find(({ name }) => !Object.hasOwn(tensors, name))
  if (missing) {
    throw new ServiceError('tensor_missing', { detail: `The input "${missing.name}" is missing.` })
  }
  return tensors
}

function readTensor(
  { datatype, shape, data, parameters }: Record<string, unknown>,
  info: TensorInfo,
  limits: Manifest['limits'],
): Tensor {
  if (parameters !== undefined)
    refuseReserved(asObject(parameters, `"parameters" of "${info.name}"`))
  if (datatype !== info.datatype) {
    throw new ServiceError('datatype_wrong', {
      detail: `"${info.name}" must have the datatype ${info.datatype}.`,
    })
  }
  const dimensions = readShape(shape, info)
  const elements = elementCount(dimensions)
  // Checked before any memory is taken; a product past 2^53 is larger than any limit, too.
  if (!(elements <= limits.elements)) {
    throw new ServiceError('too_many_elements', {
      detail: `"${info.name}" may have ${limits.elements} elements at most.`,
    })
  }
  if (info.shape[0] === -1 && (dimensions[0] ?? 0) > limits.rows) {
    throw new ServiceError('too_many_rows', {
      detail: `"${info.name}" may have ${limits.rows} rows at most.`,
    })
  }
  const { nonFinite } = limits
  const { name, datatype: known } = info
  return {
    datatype: known,
    shape: dimensions,
    data: readTensorData(data, { name, datatype: known, shape: dimensions, nonFinite }),
  }
}

function readShape(shape: unknown, info: TensorInfo): number[] {
  const fits =
    Array.isArray(shape) &&
    shape.length === info.shape.length &&
    shape.every(
      (size, at) =>
        Number.isSafeInteger(size) &&
        size >= 1 &&
        (info.shape[at] === -1 || info.shape[at] === size),
    )
  if (fits) return shape
  throw new ServiceError('shape_wrong', {
    detail: `"${info.name}" must have the shape [${info.shape.join(', ')}], where -1 is any size from 1.`,
  })
}

function readOutputs(value: unknown, manifest: Manifest): string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid('"outputs" must be a list of outputs, or absent for all of them.')
  }
  const names = value.map((item) => infoOf(asObject(item, 'An output').name, manifest.outputs).name)
  if (new Set(names).size !== names.length) throw invalid('An output is asked for twice.')
  return names
}

function infoOf(name: unknown, infos: readonly TensorInfo[]): TensorInfo {
  const info = infos.find((candidate) => candidate.name === name)
  if (info) return info
  const known = infos.map((candidate) => `"${candidate.name}"`).join(', ')
  throw new ServiceError('tensor_unknown', { detail: `A tensor is none of ${known}.` })
}

/** Names that Triton keeps for itself; a client that sends one expects what we do not do. */
function refuseReserved(parameters: Record<string, unknown>): void {
  const reserved = Object.keys(parameters).find(
    (name) =>
      name.startsWith('triton_') ||
      name.startsWith('shared_memory_') ||
      name === 'binary_data_size',
  )
  if (reserved === undefined) return
  throw new ServiceError('parameter_invalid', {
    detail:
      'A parameter belongs to an extension that is not served (binary tensors, shared memory or triton_…).',
  })
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>
  }
  throw invalid(`${what} must be an object.`)
}

const invalid = (detail: string) => new ServiceError('input_invalid', { detail })

export function encodeInfer(
  { manifest }: ModelEntry,
  { id, outputs }: V2Request,
  result: InferResult,
): HttpResponse {
  // Not the object's own order: it puts names that are numbers first.
  const names = outputs ?? manifest.outputs.map(({ name }) => name)
  return jsonResponse({
    model_name: manifest.name,
    model_version: manifest.version,
    ...(id !== undefined && { id }),
    outputs: names.map((name) => encodeTensor(name, result.outputs[name] as Tensor)),
  })
}

function encodeTensor(name: string, tensor: Tensor): object {
  return { name, datatype: tensor.datatype, shape: tensor.shape, data: jsonData(tensor) }
}

/** NaN and Infinity become `null`: JSON has no word for them, and numpy reads `null` as NaN. */
function jsonData({ datatype, data }: Tensor): readonly unknown[] {
  if (datatype === 'BOOL') return Array.from(data as Uint8Array, Boolean)
  if (datatype.endsWith('INT64')) {
    return Array.from(data as BigInt64Array, (value) => JSON.rawJSON(String(value)))
  }
  return Array.from<unknown>(data as Float32Array)
}

/** `GET /v2/models/{model}`. */
export function encodeModelMetadata(
  entry: ModelEntry,
  versions: readonly ModelEntry[],
): HttpResponse {
  const { name, inputs, outputs } = entry.manifest
  return jsonResponse({
    name,
    versions: versions.map(({ manifest }) => manifest.version),
    platform: 'onnx_onnxv1',
    inputs,
    outputs,
  })
}
