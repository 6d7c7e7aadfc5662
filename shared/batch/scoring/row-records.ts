import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Model } from '#shared/inference/model.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import type { Task } from '#shared/tasks/task.ts'
import type { InputRecord, RecordError } from '../chunk.ts'
import { bisect } from './bisect.ts'
import type { ChunkRecords, ScoredRecord } from './chunk-records.ts'
import { errorOf, partLine, recordError, resultLine } from './part-line.ts'
import type { RecordReader } from './record-input.ts'
import type { RecordValues } from './record-values.ts'

export interface RowRecordsOptions {
  entry: ModelEntry
  task: Task
  reader: RecordReader
  /** Of the task. */
  parameters: Readonly<Record<string, unknown>>
  /** Whether lines carry their record along. */
  join: boolean
  /** What records hold, where it is not in them. */
  values?: RecordValues | undefined
}

type Prepared = Awaited<ReturnType<Task['prepare']>>

interface Item {
  /** Without its value, where that is not needed any more: there are many of them. */
  readonly record: Pick<InputRecord, 'offset' | 'line' | 'key' | 'value'>
  readonly id: unknown
  readonly row?: unknown
  readonly error?: RecordError | undefined
}

/** Records that are one input of the model each. */
export function rowRecords(
  records: readonly InputRecord[],
  options: RowRecordsOptions,
): ChunkRecords {
  const { entry, task, reader, parameters, join, values } = options
  const model = taskModelOf(entry)
  const items = records.map((record) =>
    values ? { record, id: record.key, error: record.error } : toItem(record, reader, join),
  )
  const readable = items.filter(({ error }) => error === undefined).length

  const head = ({ record, id }: Item) => ({
    ...(id !== undefined && { id }),
    ...(join && inputOf(record)),
  })
  const failure = (item: Item, error: RecordError): ScoredRecord => {
    const { offset, line } = item.record
    return { line: partLine({ error, ...head(item), offset, line }), rows: 0 }
  }
  const prepare = async (part: readonly Item[]) =>
    task.prepare(
      part.map(({ row }) => row),
      parameters,
      model,
    )

  /** What the task takes of these, made ready; what it refuses is found without a run of the model. */
  const prepareTaken = async (part: readonly Item[], failed: Map<Item, unknown>) => {
    try {
      return { taken: part, prepared: await prepare(part) }
    } catch {
      const check = async (some: readonly Item[]) => {
        await prepare(some)
        return []
      }
      await bisect(part, check, (item, thrown) => failed.set(item, thrown))
      const taken = part.filter((item) => !failed.has(item))
      return { taken, prepared: taken.length > 0 ? await prepare(taken) : undefined }
    }
  }

  const run = async (some: readonly Item[], { tensors, interpret }: Prepared, loaded: Model) => {
    const answers = interpret((await loaded.infer({ inputs: tensors })).outputs)
    if (answers.length === some.length) return answers
    throw new ServiceError('inference_failed', {
      detail: `The model gave ${answers.length} answers to ${some.length} inputs.`,
    })
  }

  return {
    count: items.length,
    units: { calls: readable, rows: readable },
    shareRuns: true,
    mayRun: (place) => items[place]?.error === undefined,
    ...(values && { load: values.load }),
    async score(first, end, loaded) {
      const all = items
        .slice(first, end)
        .map((item, at) => (values ? toItem(values.at(first + at), reader, join) : item))
      const failed = new Map<Item, unknown>()
      const readable = all.filter(({ error }) => error === undefined)
      const { taken, prepared } = await prepareTaken(readable, failed)
      const answers = await bisect(
        taken,
        async (some) =>
          run(some, some === taken && prepared ? prepared : await prepare(some), loaded),
        (item, thrown) => void failed.set(item, thrown),
      )
      const answerOf = new Map(taken.map((item, place) => [item, answers[place]]))
      return all.map((item) => {
        if (item.error) return failure(item, item.error)
        if (failed.has(item)) return failure(item, recordError(failed.get(item)))
        const line = resultLine(head(item), answerOf.get(item))
        return line ? { line, rows: 1 } : failure(item, errorOf('output_not_finite'))
      })
    },
    condemn({ record, code }) {
      const item = items[record]
      if (!item) throw new ServiceError('internal', { detail: 'There is no such record.' })
      return failure(item, errorOf(code))
    },
  }
}

function toItem(whole: InputRecord, reader: RecordReader, join: boolean): Item {
  const { offset, line, key, error } = whole
  const record = join
    ? whole
    : { offset, line, value: undefined, ...(key !== undefined && { key }) }
  const id = reader.idOf(whole)
  if (error) return { record, id, error }
  try {
    return { record, id, row: reader.rowOf(whole) }
  } catch (thrown) {
    return { record, id, error: recordError(thrown) }
  }
}

/** Bytes of an image are not carried along; its key is. */
function inputOf({ value, key }: Item['record']): { readonly input?: unknown } {
  if (key !== undefined) return { input: { key } }
  return value === undefined ? {} : { input: value }
}
