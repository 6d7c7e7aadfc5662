import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { InputRecord, RecordError } from '../chunk.ts'
import type { CallAnswer, CallDialect, ReadCall } from './call-dialect.ts'
import type { ChunkRecords, ScoredRecord } from './chunk-records.ts'
import { callLine, errorOf, partLine, recordFailure } from './part-line.ts'

export interface CallRecordsOptions {
  entry: ModelEntry
  /** The route that all of them are for. */
  url: string
  dialect: CallDialect
}

type Item = { readonly record: InputRecord; readonly id: string | undefined } & (
  | { readonly kind: 'unreadable'; readonly error: RecordError }
  | { readonly kind: 'refused'; readonly customId: string; readonly answer: CallAnswer }
  | { readonly kind: 'call'; readonly customId: string; readonly call: ReadCall }
)

/**
 * Records that are whole calls: `{custom_id, method, url, body}` (OpenAI's batch files). A call that
 * is wrong is answered as its dialect answers it; a line that is no call is an error. Calls do not
 * share runs: each may hold many rows of its own.
 */
export async function callRecords(
  records: readonly InputRecord[],
  { entry, url, dialect }: CallRecordsOptions,
): Promise<ChunkRecords> {
  const target = { url, entry }
  const toItem = async (record: InputRecord): Promise<Item> => {
    const id = customIdOf(record.value)
    const error = record.error ?? lineError(record.value, url)
    if (error || id === undefined) {
      return { kind: 'unreadable', record, id, error: error ?? errorOf('record_invalid') }
    }
    try {
      const call = await dialect.read((record.value as { body?: unknown }).body, target)
      return { kind: 'call', record, id, customId: id, call }
    } catch (thrown) {
      const answer = dialect.refuse(ServiceError.from(thrown), target)
      return { kind: 'refused', record, id, customId: id, answer }
    }
  }
  const items: Item[] = []
  for (const record of records) items.push(await toItem(record))
  const calls = items.filter((item) => item.kind === 'call')

  const failure = ({ record: { offset, line }, id }: Item, error: RecordError): ScoredRecord => ({
    line: partLine({ error, ...(id !== undefined && { id }), offset, line }),
    rows: 0,
  })
  const response = (
    customId: string,
    { statusCode, json }: CallAnswer,
    rows: number,
  ): ScoredRecord => ({ line: callLine(customId, statusCode, json), rows })
  const score = async (item: Item, model: Parameters<ReadCall['answer']>[0]) => {
    if (item.kind === 'unreadable') return failure(item, item.error)
    if (item.kind === 'refused') return response(item.customId, item.answer, 0)
    try {
      return response(item.customId, await item.call.answer(model), item.call.rows)
    } catch (thrown) {
      return response(item.customId, dialect.refuse(recordFailure(thrown), target), 0)
    }
  }

  return {
    count: items.length,
    units: { calls: calls.length, rows: calls.reduce((sum, { call }) => sum + call.rows, 0) },
    shareRuns: false,
    mayRun: (place) => items[place]?.kind === 'call',
    async score(first, end, model, part) {
      for (const item of items.slice(first, end)) part.add(await score(item, model))
    },
    condemn({ record, code }) {
      const item = items[record]
      if (item?.kind !== 'call') throw new ServiceError('internal')
      return response(item.customId, dialect.refuse(new ServiceError(code), target), 0)
    },
  }
}

function customIdOf(value: unknown): string | undefined {
  const id = (value as { custom_id?: unknown } | null | undefined)?.custom_id
  return typeof id === 'string' ? id : undefined
}

function lineError(value: unknown, url: string): RecordError | undefined {
  const invalid = (detail: string) => ({ code: 'record_invalid', detail })
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid('The line is not an object {"custom_id", "method", "url", "body"}.')
  }
  const line = value as Record<string, unknown>
  if (typeof line.custom_id !== 'string') return invalid('"custom_id" must be a string.')
  if (line.method !== 'POST') return invalid('"method" must be "POST".')
  if (line.url !== url) return invalid(`"url" must be "${url}".`)
  return undefined
}
