/** What one option or parameter may be, in the words of JSON Schema. */
export type Field =
  | {
      readonly type: 'number' | 'integer'
      readonly minimum?: number
      readonly maximum?: number
      readonly default?: number
      readonly description?: string
    }
  | {
      readonly type: 'string'
      readonly enum?: readonly string[]
      readonly default?: string
      readonly description?: string
    }
  | {
      readonly type: 'array'
      readonly items: { readonly type: 'number' | 'string' }
      readonly default?: readonly number[] | readonly string[]
      readonly description?: string
    }

type ValueOf<F extends Field> = F extends { type: 'number' | 'integer' }
  ? number
  : F extends { enum: readonly (infer Choice)[] }
    ? Choice
    : F extends { type: 'string' }
      ? string
      : F extends { items: { type: 'number' } }
        ? readonly number[]
        : readonly string[]

type Fields = Readonly<Record<string, Field>>
type Values<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends { default: unknown }
    ? ValueOf<F[Name]>
    : ValueOf<F[Name]> | undefined
}

/**
 * Reads options or parameters against one table, which also stands in the OpenAPI document: refuses
 * names that are not in it and values that do not fit, and fills in the defaults.
 * @param refuse makes the error of a sentence that names the field
 */
export function readFields<const F extends Fields>(
  values: Readonly<Record<string, unknown>>,
  fields: F,
  refuse: (sentence: string) => Error,
): Values<F> {
  const unknown = Object.keys(values).find((name) => !Object.hasOwn(fields, name))
  if (unknown !== undefined) {
    const known = Object.keys(fields).join(', ')
    throw refuse(
      `"${unknown.slice(0, 60)}" is not known; ${known ? `known: ${known}` : 'there are none'}.`,
    )
  }
  const entries = Object.entries(fields).map(([name, field]) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value !== undefined && !fits(value, field))
      throw refuse(`"${name}" must be ${wanted(field)}.`)
    return [name, value ?? field.default] as const
  })
  return Object.fromEntries(entries) as Values<F>
}

function fits(value: unknown, field: Field): boolean {
  switch (field.type) {
    case 'string':
      return typeof value === 'string' && (field.enum?.includes(value) ?? true)
    case 'array':
      return Array.isArray(value) && value.every((item) => typeof item === field.items.type)
    default:
      return (
        typeof value === 'number' &&
        Number.isFinite(value) &&
        (field.type === 'number' || Number.isInteger(value)) &&
        value >= (field.minimum ?? Number.NEGATIVE_INFINITY) &&
        value <= (field.maximum ?? Number.POSITIVE_INFINITY)
      )
  }
}

function wanted(field: Field): string {
  if (field.type === 'array') return `a list of ${field.items.type}s`
  if (field.type === 'string') return field.enum ? `one of ${field.enum.join(', ')}` : 'a string'
  const kind = field.type === 'integer' ? 'an integer' : 'a number'
  const { minimum, maximum } = field
  if (minimum !== undefined && maximum !== undefined) return `${kind} from ${minimum} to ${maximum}`
  if (minimum !== undefined) return `${kind} of at least ${minimum}`
  return maximum === undefined ? kind : `${kind} of at most ${maximum}`
}
