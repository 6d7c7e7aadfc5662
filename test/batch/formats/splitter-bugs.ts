/** A mistake that somebody could make in the splitter: a line of it, and what stands there instead. */
export interface SplitterBug {
  readonly name: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

const bug = (name: string, find: string, replace: string): SplitterBug => ({ name, find, replace })

export const splitterBugs: readonly SplitterBug[] = [
  bug(
    'a record that begins with a chunk is skipped',
    'skipping = quoted || block[0] !== newline',
    'skipping = true',
  ),
  bug(
    'a record in progress at the cut is taken for a new one',
    'skipping = quoted || block[0] !== newline',
    'skipping = false',
  ),
  bug(
    'a newline inside quotes before the cut begins a record',
    'skipping = quoted || block[0] !== newline',
    'skipping = block[0] !== newline',
  ),
  bug(
    'the byte before the chunk is not looked at',
    'start: Math.max(start - 1, 0)',
    'start: Math.max(start, 0)',
  ),
  bug('the first range skips its first record', 'let skipping = start > 0', 'let skipping = true'),
  bug(
    'records behind the range are read as well',
    'if (base + recordStart >= end) break',
    'if (start > end) break',
  ),
  bug(
    'the last record of a range is left to the next',
    'if (base + recordStart >= end) break',
    'if (base + recordStart >= end - 1) break',
  ),
  bug('a range stops one byte early', 'if (base >= end) break', 'if (base >= end - 1) break'),
  bug(
    'a last record without a newline is lost',
    'if (!skipping && buffer.length > 0 && base < end) {',
    'if (start > end) {',
  ),
  bug(
    'a last record without a newline is given to every range',
    'if (!skipping && buffer.length > 0 && base < end) {',
    'if (buffer.length > 0) {',
  ),
  bug('a carriage return stays', 'from[last - 1] === carriageReturn', 'from[last - 1] === -1'),
  bug('the byte order mark stays', 'hasMark ? text.slice(1) : text', 'text'),
  bug(
    'a byte order mark is dropped anywhere',
    'const hasMark = base + first === 0 && ',
    'const hasMark = ',
  ),
  bug('bytes that are not UTF-8 pass', '!isUtf8(from.subarray(first, ends))', 'false'),
  bug('blocks of UTF-8 pass for Latin-1', "isUtf8(whole) ? 'utf8'", "isUtf8(whole) ? 'latin1'"),
  bug('quotes are not counted', 'quoted = !quoted', ';'),
  bug(
    'quotes of the last block are forgotten',
    'const stretchEnd = at < 0 ? buffer.length : at',
    'const stretchEnd = at < 0 ? 0 : at',
  ),
  bug('quotes are counted twice', 'seen = buffer.length', 'seen = 0'),
  bug(
    'the first quote of a stretch is left out',
    'oddQuotes(buffer, nextQuote, stretchEnd)',
    'oddQuotes(buffer, nextQuote + 1, stretchEnd)',
  ),
  bug('lines behind the range are counted too', 'if (base + at < end) lines += 1', 'lines += 1'),
  bug(
    'lines within quotes are not counted',
    'if (base + at < end) lines += 1',
    'if (base + at < end && !quoted) lines += 1',
  ),
  bug('the limit is one byte too low', 'last - first > recordBytes', 'last - first >= recordBytes'),
  bug('a long record is told twice', 'skipping = true\n', '\n'),
  bug(
    'the rest of a long record is taken for a record',
    'skipping = true\n      recordStart = buffer.length',
    'recordStart = buffer.length',
  ),
  bug('places drift from block to block', 'base += recordStart', 'base += buffer.length'),
]
