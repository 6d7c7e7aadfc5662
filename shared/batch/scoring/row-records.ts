import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Model } from '#shared/inference/model.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import type { AnswerWriter, Task } from '#shared/tasks/task.ts'
import type { InputRecord, RecordError } from '../chunk.ts'
import { bisect } from './bisect.ts'
import type { ChunkRecords, ScoredRecord } from './chunk-records.ts'
import type { PartBuffer } from './part-buffer.ts'
import { errorOf, partLine, recordError, resultLine, resultStart } from './part-line.ts'
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

interface Item extends Pick<InputRecord, 'offset' | 'line'> {
  readonly key: string | undefined
  /** Of the record, where lines carry it along: there are many of them. */
  readonly value: unknown
  readonly id: unknown
  readonly row: unknown
  readonly error: RecordError | undefined
}

/** What one run gave, and which of its rows is an item's. */
interface Answer {
  readonly run: { readonly writer: AnswerWriter | undefined; answers(): readonly unknown[] }
  readonly row: number
}

const bareStart = resultStart({})

/** Takes records one by one as they are read, so that what is not needed of them is not kept. */
export interface RowCollector {
  add(record: InputRecord): void
  /** All that were added. */
  finish(): ChunkRecords
}

/** Records that are one input of the model each. */
export function collectRows(options: RowRecordsOptions): RowCollector {
  const { join, values, reader } = options
  const items: Item[] = []
  return {
    add(record) {
      items.push(values ? itemOf(record, join, record.key) : toItem(record, reader, join))
    },
    finish: () => rowRecords(items, options),
  }
}

function rowRecords(
  items: readonly Item[],
  { entry, task, reader, parameters, join, values }: RowRecordsOptions,
): ChunkRecords {
  const model = taskModelOf(entry)
  const readable = items.filter(({ error }) => error === undefined).length

  const head = (item: Item) => ({
    ...(item.id !== undefined && { id: item.id }),
    ...(join && inputOf(item)),
  })
  const start = (item: Item): string => {
    if (item.id === undefined && !join) return bareStart
    return join ? resultStart(head(item)) : `{"id":${JSON.stringify(item.id)},"outputs":`
  }
  const failure = (item: Item, error: RecordError): ScoredRecord => {
    const { offset, line } = item
    return { line: partLine({ error, ...head(item), offset, line }), rows: 0 }
  }
  const success = (item: Item, { run, row }: Answer, part: PartBuffer): void => {
    const { writer } = run
    const lineStart = start(item)
    const isWritten =
      writer &&
      part.write((into) => {
        into.text(lineStart)
        if (!writer.write(row, into)) return false
        into.text('}')
        return true
      })
    if (isWritten) return
    const line = resultLine(lineStart, run.answers()[row])
    part.add(line ? { line, rows: 1 } : failure(item, errorOf('output_not_finite')))
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

  const run = async (
    some: readonly Item[],
    { tensors, interpret, writer: writerOf }: Prepared,
    loaded: Model,
  ): Promise<readonly Answer[]> => {
    const { outputs } = await loaded.infer({ inputs: tensors })
    const writer = writerOf?.(outputs)
    let answers = writer ? undefined : interpret(outputs)
    const count = writer?.rows ?? answers?.length
    if (count !== some.length) {
      throw new ServiceError('inference_failed', {
        detail: `The model gave ${count} answers to ${some.length} inputs.`,
      })
    }
    const run = {
      writer,
      answers() {
        answers ??= interpret(outputs)
        return answers
      },
    }
    return some.map((_, row) => ({ run, row }))
  }

  return {
    count: items.length,
    units: { calls: readable, rows: readable },
    shareRuns: true,
    mayRun: (place) => items[place]?.error === undefined,
    ...(values && { load: values.load }),
    async score(first, end, loaded, part) {
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
      let next = 0
      for (const item of all) {
        const answer = item === taken[next] ? answers[next++] : undefined
        if (answer) success(item, answer, part)
        else part.add(failure(item, item.error ?? recordError(failed.get(item))))
      }
    },
    condemn({ record, code }) {
      const item = items[record]
      if (!item) throw new ServiceError('internal', { detail: 'There is no such record.' })
      return failure(item, errorOf(code))
    },
  }
}

function toItem(whole: InputRecord, reader: RecordReader, join: boolean): Item {
  const id = reader.idOf(whole)
  if (whole.error) return itemOf(whole, join, id)
  try {
    return itemOf(whole, join, id, reader.rowOf(whole))
  } catch (thrown) {
    return itemOf(whole, join, id, undefined, recordError(thrown))
  }
}

const itemOf = (
  { offset, line, key, value, error: unreadable }: InputRecord,
  join: boolean,
  id: unknown,
  row?: unknown,
  error = unreadable,
): Item => ({ offset, line, key, value: join ? value : undefined, id, row, error })

/** Bytes of an image are not carried along; its key is. */
function inputOf({ value, key }: Item): { readonly input?: unknown } {
  if (key !== undefined) return { input: { key } }
  return value === undefined ? {} : { input: value }
}
