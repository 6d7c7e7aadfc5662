import type { InputRecord } from '#shared/batch/chunk.ts'
import { detectFormat } from '#shared/batch/formats/detect-format.ts'
import { readRecords } from '#shared/batch/formats/read-records.ts'
import { createRecordReader } from '#shared/batch/scoring/record-input.ts'
import { createJsonBytes } from '#shared/tasks/json-bytes.ts'
import { batchInput, inputBytes } from '../harness/batch-input.ts'
import { loadBare } from '../harness/load-bare.ts'
import { tell } from '../harness/tell.ts'

/**
 * What scoring consists of, each part by itself over all records of a chunk: CPU time a record.
 *
 * Arguments: the model, and how many records.
 */
const [, , name = '', count] = process.argv
const records = Number(count)
const { entry, session, task, model } = await loadBare(name)
const input = batchInput(entry)
const pieces: Uint8Array[] = []
for await (const piece of inputBytes(input, records)) pieces.push(piece)
const bytes = Buffer.concat(pieces)
const object = {
  key: `input.${input.format}`,
  version: '1',
  sizeBytes: bytes.length,
  modifiedAt: 0,
}
const detected = detectFormat({ head: bytes.subarray(0, 65_536), ...object, declared: 'auto' })
const source = { ...detected, object } as Parameters<typeof readRecords>[0]
async function* read(_: unknown, { start, end } = { start: 0, end: bytes.length }) {
  yield bytes.subarray(start, end)
}

const cpuMs: Record<string, number> = {}
async function timed<Result>(part: string, work: () => Promise<Result> | Result): Promise<Result> {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  cpuMs[part] = (cpuMs[part] ?? 0) + (user + system) / 1_000
  return result
}

const range = { start: 0, end: bytes.length }
const reader = createRecordReader({ task, model })
const numbers = 'columns' in source ? reader.numbersOf(source.columns) : undefined
const options = { textOnly: reader.textOnly, numbers }
const json = createJsonBytes()
const rowsOfRun = entry.manifest.batch.rows
async function split(): Promise<void> {
  const parsed = await timed('parse', async () => {
    const all: InputRecord[] = []
    for await (const batch of readRecords(source, range, read, options)) {
      for (const record of batch.records) all.push(record)
    }
    return all
  })
  const rows = await timed('take', () =>
    parsed.map((record) => ({ id: reader.idOf(record), row: reader.rowOf(record) })),
  )
  for (let first = 0; first < rows.length; first += rowsOfRun) {
    const some = rows.slice(first, first + rowsOfRun)
    const { tensors, writer } = await timed('prepare', () =>
      task.prepare(
        some.map(({ row }) => row),
        {},
        model,
      ),
    )
    const outputs = await timed('run', () => session.run(tensors))
    await timed('write', () => {
      const answers = writer?.(outputs)
      for (const [at, { id }] of some.entries()) {
        json.text(id === undefined ? '{"outputs":' : `{"id":${JSON.stringify(id)},"outputs":`)
        answers?.write(at, json)
        json.text('}\n')
      }
      return json.take()
    })
  }
}
await split()
for (const part of Object.keys(cpuMs)) cpuMs[part] = 0
await split()
tell(Object.fromEntries(Object.entries(cpuMs).map(([part, ms]) => [part, (ms * 1_000) / records])))
process.exit()
