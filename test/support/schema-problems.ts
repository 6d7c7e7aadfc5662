type Schema = Readonly<Record<string, unknown>>

/**
 * What is wrong with a value by a JSON Schema, as `path: problem`. It knows the keywords that our
 * OpenAPI document uses and throws at any other, so that none is passed over.
 */
export function schemaProblems(value: unknown, schema: Schema, path = '$'): string[] {
  const problem = (words: string) => [`${path}: ${words}`]
  const all = Object.entries(schema).flatMap(([keyword, wanted]) => {
    const check = Object.hasOwn(checks, keyword) ? checks[keyword] : undefined
    if (!check) throw new Error(`${path}: keyword "${keyword}" is not known to this check`)
    const found = check(value, wanted, schema, path)
    return typeof found === 'string' ? problem(found) : found
  })
  return all
}

type Check = (
  value: unknown,
  wanted: unknown,
  schema: Schema,
  path: string,
) => readonly string[] | string

const checks: Readonly<Record<string, Check>> = {
  description: () => [],
  default: () => [],
  contentEncoding: () => [],
  format: () => [],
  type: (value, wanted) => (typeMatches(value, wanted) ? [] : `is no ${wanted}`),
  enum: (value, wanted) => ((wanted as unknown[]).includes(value) ? [] : 'is none of enum'),
  const: (value, wanted) => (value === wanted ? [] : `is not ${wanted}`),
  minimum: (value, wanted) => (Number(value) >= Number(wanted) ? [] : `is below ${wanted}`),
  maximum: (value, wanted) => (Number(value) <= Number(wanted) ? [] : `is above ${wanted}`),
  minItems: (value, wanted) =>
    !Array.isArray(value) || value.length >= Number(wanted) ? [] : `has under ${wanted} items`,
  maxItems: (value, wanted) =>
    !Array.isArray(value) || value.length <= Number(wanted) ? [] : `has over ${wanted} items`,
  items: (value, wanted, _, path) =>
    Array.isArray(value)
      ? value.flatMap((item, at) => schemaProblems(item, wanted as Schema, `${path}[${at}]`))
      : [],
  required: (value, wanted) =>
    (wanted as string[]).filter((name) => isRecord(value) && !Object.hasOwn(value, name)),
  properties: (value, wanted, _, path) =>
    Object.entries(wanted as Record<string, Schema>).flatMap(([name, schema]) =>
      isRecord(value) && Object.hasOwn(value, name)
        ? schemaProblems(value[name], schema, `${path}.${name}`)
        : [],
    ),
  additionalProperties: (value, _, schema) =>
    Object.keys(isRecord(value) ? value : {}).filter(
      (name) => !Object.hasOwn((schema.properties ?? {}) as object, name),
    ),
  anyOf: (value, wanted, _, path) =>
    countFits(value, wanted, path) > 0 ? [] : 'fits no schema of anyOf',
  oneOf: (value, wanted, _, path) =>
    countFits(value, wanted, path) === 1 ? [] : 'does not fit exactly one schema of oneOf',
}

const countFits = (value: unknown, schemas: unknown, path: string) =>
  (schemas as Schema[]).filter((schema) => schemaProblems(value, schema, path).length === 0).length

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function typeMatches(value: unknown, type: unknown): boolean {
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isRecord(value)
  return type === 'integer' ? Number.isInteger(value) : typeof value === type
}
