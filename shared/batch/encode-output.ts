import type { OutputLine, OutputTableOptions } from './formats/output-table.ts'
import { writeCsv } from './formats/write-csv.ts'
import { writeJsonLines } from './formats/write-json-lines.ts'
import type { OutputFormat } from './job.ts'

/** Lines of JSON, as many as one part holds at a time, in the format that was ordered. */
export async function* encodeOutput(
  lines: AsyncIterable<readonly Uint8Array[]>,
  format: OutputFormat,
  table: OutputTableOptions,
): AsyncGenerator<Uint8Array> {
  if (format === 'jsonl') yield* writeJsonLines(ended(lines))
  else if (format === 'csv') yield* writeCsv(parsed(lines), table)
  else {
    const { writeParquet } = await import('./formats/write-parquet.ts')
    yield* writeParquet(parsed(lines), table)
  }
}

const newline = Buffer.from('\n')

/** All lines of a part at once: a million of them one by one would cost a second. */
async function* ended(parts: AsyncIterable<readonly Uint8Array[]>): AsyncGenerator<Uint8Array> {
  for await (const lines of parts) {
    if (lines.length > 0) yield Buffer.concat(lines.flatMap((line) => [line, newline]))
  }
}

async function* parsed(parts: AsyncIterable<readonly Uint8Array[]>): AsyncGenerator<OutputLine> {
  for await (const lines of parts) {
    for (const line of lines) yield JSON.parse(Buffer.from(line).toString()) as OutputLine
  }
}
