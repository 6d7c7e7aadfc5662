import { ServiceError } from '#shared/errors/service-error.ts'
import type { InputFormat } from '../job.ts'
import type { PlanSource } from '../plan.ts'
import { detectCsv } from './detect-csv.ts'
import type { Compression } from './unpack.ts'

export interface InputHead {
  /** The first bytes: 64 KiB or so, unpacked. */
  readonly head: Uint8Array
  readonly sizeBytes: number
  readonly key: string
  readonly declared: InputFormat
}

export type DetectedFormat = WithoutObject<PlanSource>
type WithoutObject<Source> = Source extends unknown ? Omit<Source, 'object'> : never

const begins = (head: Uint8Array, ...magic: readonly number[]) =>
  magic.every((byte, index) => head[index] === byte)

/** JPEG, PNG, and WebP (RIFF). */
const pictures: readonly (readonly number[])[] = [
  [0xff, 0xd8, 0xff],
  [0x89, 0x50, 0x4e, 0x47],
  [0x52, 0x49, 0x46, 0x46],
]

/** What comes instead of text now and then. */
const strangers: readonly (readonly [name: string, magic: readonly number[]])[] = [
  ['a zip file', [0x50, 0x4b, 0x03, 0x04]],
  ['packed with bzip2', [0x42, 0x5a, 0x68]],
  ['packed with xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['UTF-16', [0xff, 0xfe]],
  ['UTF-16', [0xfe, 0xff]],
]

/** What an object is packed with, by its first bytes; its name proves nothing. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (begins(head, 0x1f, 0x8b)) return 'gzip'
  return begins(head, 0x28, 0xb5, 0x2f, 0xfd) ? 'zstd' : undefined
}

/**
 * What an input is: as it was declared, else by its first bytes where they say so, else by its name,
 * else by what its first lines look like.
 * @throws ServiceError `batch_input_invalid`, which says how to declare it
 */
export function detectFormat({ head, sizeBytes, key, declared }: InputHead): DetectedFormat {
  const isParquet = begins(head, 0x50, 0x41, 0x52, 0x31)
  const format = declared === 'auto' ? (isParquet ? 'parquet' : formatOfName(key)) : declared
  if (format === 'parquet') {
    if (!isParquet) throw invalid('It does not begin as Parquet does.')
    return { format }
  }
  if (isParquet) throw invalid(`It is Parquet, and was declared as ${format}.`)
  if (pictures.some((magic) => begins(head, ...magic))) {
    throw invalid(
      'It is a picture, and a job takes a whole folder of them.',
      'Submit the folder: `percall batch submit FOLDER`, or `input_prefix` in POST /v1/batch-jobs.',
    )
  }
  const stranger = strangers.find(([, magic]) => begins(head, ...magic))?.[0]
  if (stranger) throw invalid(`It is ${stranger}; send UTF-8, packed with gzip or zstd or not.`)
  const text = wholeText(head, sizeBytes)
  if (format === 'jsonl' || (format === undefined && looksLikeJsonLines(text))) {
    return { format: 'jsonl' }
  }
  const csv = detectCsv(text, { tabs: format === 'tsv', ended: head.length >= sizeBytes })
  if (format === undefined && csv.columns.length < 2) {
    const detail = 'It is neither JSONL nor CSV nor Parquet by its name or its first lines.'
    throw invalid(detail, 'Declare its format, or name it *.jsonl, *.csv, *.tsv or *.parquet.')
  }
  return { format: 'csv', ...csv }
}

const formats: Record<string, Exclude<InputFormat, 'auto'>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  parquet: 'parquet',
}

function formatOfName(key: string): Exclude<InputFormat, 'auto'> | undefined {
  const extension = /\.([a-z]+)(?:\.(?:gz|gzip|zst|zstd))?$/i.exec(key)?.[1]?.toLowerCase()
  return extension && Object.hasOwn(formats, extension) ? formats[extension] : undefined
}

/** Without a character that the head may have cut in two; what is not UTF-8 is found record by record. */
function wholeText(head: Uint8Array, sizeBytes: number): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return decoder.decode(head, { stream: head.length < sizeBytes })
}

function looksLikeJsonLines(text: string): boolean {
  const lines = text.split('\n').map((line) => line.trim())
  const first = lines.find((line) => line !== '')
  // Nothing at all is an empty file of any format.
  if (first === undefined) return true
  try {
    JSON.parse(first)
    return first.startsWith('{') || first.startsWith('[') || first.startsWith('"')
  } catch {
    if (!/^[[{]/.test(first)) return false
    // One whole line at least must have been there to judge.
    if (lines.length === 1) return first.startsWith('{')
    throw invalid(
      'It seems to be one JSON document over several lines.',
      'Send one record a line (JSONL).',
    )
  }
}

const invalid = (detail: string, fix?: string) =>
  new ServiceError('batch_input_invalid', { detail, ...(fix === undefined ? {} : { fix }) })
