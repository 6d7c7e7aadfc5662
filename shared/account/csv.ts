/** What a spreadsheet would take for a formula, and the mark itself where one would stand for it. */
const dangerous = /^'*[=+\-@\t\r]/

/**
 * Records as RFC 4180 has them: CRLF, quotes where they are needed. A cell that a spreadsheet would
 * run as a formula gets an apostrophe in front (OWASP, CSV injection), which `parse` takes away.
 */
export const csv = {
  record: (cells: readonly string[]): string => `${cells.map(writeCell).join(',')}\r\n`,

  /** The records of a text, LF and CRLF alike; `undefined` where it is no CSV. */
  parse(text: string): string[][] | undefined {
    const records: string[][] = []
    let record: string[] = []
    cell.lastIndex = 0
    while (cell.lastIndex < text.length || record.length > 0) {
      const found = cell.exec(text)
      if (!found) return undefined
      const [, quoted, plain = '', end] = found
      record.push(readCell(quoted === undefined ? plain : quoted.replaceAll('""', '"')))
      if (end === ',') continue
      records.push(record)
      record = []
    }
    return records
  },
}

/** One cell and what follows it. */
const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y

function writeCell(text: string): string {
  const safe = dangerous.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

const readCell = (text: string) => (/^'+[=+\-@\t\r]/.test(text) ? text.slice(1) : text)
