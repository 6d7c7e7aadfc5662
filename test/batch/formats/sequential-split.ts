/** What a splitter must find: one record, as bytes, and where it stands. */
export interface FoundRecord {
  readonly offset: number
  readonly line: number
  readonly text: string | undefined
  readonly error: string | undefined
}

export interface SequentialOptions {
  readonly quotes: boolean
  readonly recordBytes: number
}

/** The rules once more, as plainly as can be: byte by byte, from the beginning of the file to its end. */
export function sequentialSplit(
  bytes: Uint8Array,
  { quotes, recordBytes }: SequentialOptions,
): FoundRecord[] {
  const found: FoundRecord[] = []
  let record: number[] = []
  let offset = 0
  let line = 0
  let lineOfRecord = 0
  let quoted = false
  for (const [place, byte] of bytes.entries()) {
    if (byte === 0x0a) line += 1
    if (byte === 0x22 && quotes) quoted = !quoted
    if (byte !== 0x0a || quoted) {
      record.push(byte)
      continue
    }
    found.push(recordOf(record, offset, lineOfRecord, recordBytes))
    record = []
    offset = place + 1
    lineOfRecord = line
  }
  if (record.length > 0) found.push(recordOf(record, offset, lineOfRecord, recordBytes))
  return found.filter(({ text }) => text !== '')
}

function recordOf(bytes: number[], offset: number, line: number, recordBytes: number): FoundRecord {
  const place = { offset, line }
  if (bytes.length > recordBytes) return { ...place, text: undefined, error: 'record_too_large' }
  const data = bytes.at(-1) === 0x0d ? bytes.slice(0, -1) : bytes
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const text = decoder.decode(Uint8Array.from(data))
    const withoutMark = offset === 0 && text.startsWith('\ufeff') ? text.slice(1) : text
    return { ...place, text: withoutMark, error: undefined }
  } catch {
    return { ...place, text: undefined, error: 'record_invalid' }
  }
}
