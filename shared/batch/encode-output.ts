import type { OutputLine, OutputTableOptions } from './formats/output-table.ts'
import { createFramePacker, type FramePacker, type PackState } from './formats/pack-frames.ts'
import type { ParquetState } from './formats/write-parquet.ts'
import type { Job, JobOrder } from './job.ts'
import type { NumberedPart } from './read-parts.ts'
import { createResultLines, type OutputName, outputLines } from './result-rows.ts'

/** Makes the bytes of an output out of parts, one after the other. */
export interface OutputEncoder {
  /** Valid until the next part is added. */
  add(part: NumberedPart): Promise<readonly Uint8Array[]>
  end(): Promise<readonly Uint8Array[]>
  /** From which another encoder goes on. */
  state(): EncoderState
}

export interface EncoderState {
  readonly text: unknown
  readonly packed: PackState | undefined
}

export interface EncodingOptions extends Pick<JobOrder['output'], 'format' | 'compression'> {
  readonly job: Job
  readonly name: OutputName
  readonly table: OutputTableOptions
}

/** In the format that was ordered, and packed where that was ordered. */
export async function openEncoder(
  options: EncodingOptions,
  from?: EncoderState,
): Promise<OutputEncoder> {
  const { compression } = options
  const text = await openTextEncoder(options, from?.text)
  const packer = compression ? createFramePacker({ compression }, from?.packed) : whole
  return {
    add: (part) => packer.add(text.add(part)),
    async end() {
      const last = await packer.add(text.end())
      return [...last, ...(await packer.end())]
    },
    state: () => ({ text: text.state(), packed: packer.state() }),
  }
}

interface TextEncoder {
  add(part: NumberedPart): Uint8Array
  end(): Uint8Array
  state(): unknown
}

async function openTextEncoder(
  { job, name, format, table }: EncodingOptions,
  from: unknown,
): Promise<TextEncoder> {
  if (format === 'jsonl') {
    const isPlain = job.order.records.kind === 'input' && name === 'results'
    const joined = (part: NumberedPart) => {
      const lines = [...outputLines(part, job, name), '']
      return Buffer.from(lines.join('\n'))
    }
    const add = isPlain ? createResultLines() : joined
    return { add, end: () => new Uint8Array(), state: () => undefined }
  }
  const writer =
    format === 'csv'
      ? (await import('./formats/write-csv.ts')).createCsvWriter(table, from as boolean | undefined)
      : (await import('./formats/write-parquet.ts')).createParquetWriter(
          table,
          from as ParquetState | undefined,
        )
  return { ...writer, add: (part) => writer.add(parsed(part, job, name)) }
}

function* parsed(part: NumberedPart, job: Job, name: OutputName): Generator<OutputLine> {
  for (const line of outputLines(part, job, name)) yield JSON.parse(line) as OutputLine
}

/** Of what is not packed. */
const whole: Pick<FramePacker, 'add' | 'end'> & { state(): undefined } = {
  add: async (text) => [text],
  end: async () => [],
  state: () => undefined,
}
