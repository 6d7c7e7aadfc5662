import { isAscii, isUtf8 } from 'node:buffer'
import type { InputRecord, RecordBatch, RecordError } from '../chunk.ts'
import type { ObjectStore, StoredObject } from '../object-store.ts'
import type { ChunkRange } from '../plan.ts'
import { chunkBytes } from './chunk-bytes.ts'
import { oddQuotes } from './odd-quotes.ts'

/** How records of a text format look. */
export interface RecordSyntax {
  /** Newlines between quotes belong to the record. */
  readonly quotes: boolean
  /** One record, without its newline; `undefined` where the line is empty, and no record. */
  parse(text: string): ParsedRecord | undefined
  /** A short way for common records, from bytes that are UTF-8; `undefined` where `parse` must look. */
  parseBytes?(bytes: Uint8Array, first: number, end: number): ParsedRecord | undefined
}

export type ParsedRecord = { readonly value: unknown } | { readonly error: RecordError }

export interface SplitOptions {
  /** Longer records become an error. */
  readonly recordBytes?: number | undefined
  /** What is looked at, and given on, at a time at least. */
  readonly blockBytes?: number | undefined
}

const newline = 0x0a
const carriageReturn = 0x0d
const quote = 0x22
const byteOrderMark = '\ufeff'

/**
 * The records that **start** in a range, whatever ranges a file was cut into. The reader looks at
 * the byte before the range to see whether a record starts with it, and reads past its end to finish
 * the last one. Each record is given once, by one range; memory is O(block + `recordBytes`), since a
 * longer record becomes an error as soon as it is that long, and its rest is skipped.
 *
 * `line` and `lines` count the newlines of the range itself, so that they add up over ranges.
 */
export async function* splitRecords(
  read: ObjectStore['read'],
  object: StoredObject,
  range: ChunkRange,
  { quotes, parse, parseBytes }: RecordSyntax,
  { recordBytes = 1_000_000, blockBytes = 65_536 }: SplitOptions = {},
): AsyncGenerator<RecordBatch> {
  const { start, end } = range
  if (end <= start) return
  let records: InputRecord[] = []
  let lines = 0
  /** Inside quotes, at the byte that is looked at next. */
  let quoted = range.quoted === true
  /** The record in progress is not this range's, or is one too long that was told already. */
  let skipping = start > 0
  let looksBack = start > 0
  /** Bytes not yet dealt with, the first one's place, and how many of them have been looked at. */
  let buffer: Buffer = Buffer.alloc(0)
  let base = start
  let seen = 0
  let lineOfRecord = 0

  const wanted = { start: Math.max(start - 1, 0), end }
  for await (const bytes of chunkBytes(read, object, wanted, blockBytes)) {
    let block = bytes
    if (looksBack) {
      skipping = quoted || block[0] !== newline
      looksBack = false
      block = block.subarray(1)
    }
    buffer = buffer.length === 0 ? block : Buffer.concat([buffer, block])
    const encoding = encodingOf(buffer)
    let recordStart = 0
    let nextQuote = -1
    for (;;) {
      const at = buffer.indexOf(newline, seen)
      if (quotes) {
        const stretchEnd = at < 0 ? buffer.length : at
        // Where the stretch has none, the same answer serves the next stretches too.
        if (nextQuote < seen) nextQuote = placeOf(quote, buffer, seen)
        if (nextQuote < stretchEnd && oddQuotes(buffer, nextQuote, stretchEnd)) quoted = !quoted
      }
      if (at < 0) break
      seen = at + 1
      if (base + at < end) lines += 1
      if (quoted) continue
      if (!skipping) add(buffer, recordStart, at, encoding)
      skipping = false
      recordStart = seen
      lineOfRecord = lines
      if (base + recordStart >= end) break
    }
    if (skipping) recordStart = buffer.length
    else if (buffer.length - recordStart > recordBytes && base + recordStart < end) {
      addError(tooLarge(recordBytes), base + recordStart)
      skipping = true
      recordStart = buffer.length
    }
    base += recordStart
    buffer = buffer.subarray(recordStart)
    seen = buffer.length
    // What follows is another range's, or the rest of a record that is none of this one's.
    if (base >= end) break
    if (records.length > 0) yield { records, lines }
    records = []
  }
  // The last record of a file needs no newline.
  if (!skipping && buffer.length > 0 && base < end) {
    add(buffer, 0, buffer.length, undefined)
  }
  yield { records, lines }

  function add(from: Buffer, first: number, last: number, encoding: Encoding | undefined): void {
    const parsed = parseAt(from, first, last, encoding)
    if (parsed === undefined) return
    if ('error' in parsed) addError(parsed.error, base + first)
    else records.push({ offset: base + first, line: lineOfRecord, value: parsed.value })
  }

  function parseAt(from: Buffer, first: number, last: number, encoding: Encoding | undefined) {
    if (last - first > recordBytes) return { error: tooLarge(recordBytes) }
    const ends = last > first && from[last - 1] === carriageReturn ? last - 1 : last
    // A byte order mark is part of the first record, and none of its text.
    const short = encoding && base + first > 0 ? parseBytes?.(from, first, ends) : undefined
    if (short) return short
    if (encoding === 'latin1') return parse(from.toString('latin1', first, ends))
    if (encoding !== 'utf8' && !isUtf8(from.subarray(first, ends))) return { error: notUtf8 }
    const text = from.toString('utf8', first, ends)
    const hasMark = base + first === 0 && text.startsWith(byteOrderMark)
    return parse(hasMark ? text.slice(1) : text)
  }

  function addError(error: RecordError, offset: number): void {
    records.push({ offset, line: lineOfRecord, value: undefined, error })
  }
}

type Encoding = 'latin1' | 'utf8'

/** What all whole records of a block are, so that they need not be looked at one by one. */
function encodingOf(buffer: Buffer): Encoding | undefined {
  if (isAscii(buffer)) return 'latin1'
  const whole = buffer.subarray(0, buffer.lastIndexOf(newline) + 1)
  return whole.length > 0 && isUtf8(whole) ? 'utf8' : undefined
}

function placeOf(byte: number, buffer: Buffer, from: number): number {
  const at = buffer.indexOf(byte, from)
  return at < 0 ? buffer.length : at
}

const notUtf8 = { code: 'record_invalid', detail: 'It is not valid UTF-8.' }
const tooLarge = (recordBytes: number) => ({
  code: 'record_too_large',
  detail: `It is longer than ${recordBytes} bytes.`,
})
