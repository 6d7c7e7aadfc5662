import { ServiceError } from '#shared/errors/service-error.ts'
import { type HttpResponse, jsonResponse } from './http-message.ts'

/** The members of which a body of MLflow's has exactly one; `inputs` is left to others. */
const forms = ['dataframe_split', 'dataframe_records', 'instances'] as const

interface PlainBody {
  readonly inputs: unknown
  readonly parameters: unknown
}

/**
 * A body of MLflow's scoring server (or of TF Serving, whose `instances` mean the same) as that of a
 * plain call; `undefined` where it is none. https://mlflow.org/docs/latest/ml/deployment
 *
 * @throws ServiceError `input_invalid`
 */
export function readMlflow(members: Record<string, unknown>): PlainBody | undefined {
  const [form, ...others] = forms.filter((name) => Object.hasOwn(members, name))
  if (form === undefined) return undefined
  if (others.length > 0 || Object.hasOwn(members, 'inputs')) {
    throw invalid(`The body must have exactly one of ${forms.join(', ')} and inputs.`)
  }
  const value = members[form]
  const inputs = form === 'dataframe_split' ? recordsOf(value) : value
  if (!Array.isArray(inputs) || inputs.length === 0) throw invalid(`"${form}" must hold rows.`)
  return { inputs, parameters: members.params ?? members.parameters ?? {} }
}

/** A table by rows: records where its columns have names, plain rows where they are counted. */
function recordsOf(table: unknown): unknown {
  const { columns, data } = Object(table) as { columns?: unknown; data?: unknown }
  if (!Array.isArray(data) || !data.every(Array.isArray)) {
    throw invalid('"dataframe_split" must have "data", a list of rows.')
  }
  if (columns === undefined) return data
  if (!Array.isArray(columns) || data.some((row) => row.length !== columns.length)) {
    throw invalid('"dataframe_split" must have as many "columns" as each row has values.')
  }
  if (!columns.every((name) => typeof name === 'string')) return data
  return data.map((row: readonly unknown[]) =>
    Object.fromEntries(columns.map((name, at) => [name, row[at]])),
  )
}

/** `{"error_code", "message"}`, with the names that MLflow has. */
export const mlflowError = (status: number, message: string): HttpResponse =>
  jsonResponse(
    { error_code: codes.get(status) ?? codeOf(status), message },
    status === 422 ? 400 : status,
  )

const codes: ReadonlyMap<number, string> = new Map([
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'RESOURCE_DOES_NOT_EXIST'],
  [409, 'RESOURCE_ALREADY_EXISTS'],
  [429, 'REQUEST_LIMIT_EXCEEDED'],
  [503, 'TEMPORARILY_UNAVAILABLE'],
  [507, 'RESOURCE_LIMIT_EXCEEDED'],
])

const codeOf = (status: number) => (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR')

const invalid = (detail: string) => new ServiceError('input_invalid', { detail })
