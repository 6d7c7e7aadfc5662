/** The fields of a record of CSV (RFC 4180), or what is wrong with it, in words. */
export function splitFields(record: string, separator: string): string[] | { problem: string } {
  if (!record.includes('"')) return record.split(separator)
  const fields: string[] = []
  let at = 0
  for (;;) {
    if (record[at] === '"') {
      const end = closingQuote(record, at + 1)
      if (end < 0) return { problem: 'A quote is opened and not closed.' }
      fields.push(record.slice(at + 1, end).replaceAll('""', '"'))
      at = end + 1
      if (at < record.length && record[at] !== separator) {
        return { problem: `Text follows the closing quote of field ${fields.length}.` }
      }
    } else {
      const next = record.indexOf(separator, at)
      const field = record.slice(at, next < 0 ? record.length : next)
      if (field.includes('"')) {
        return { problem: `Field ${fields.length + 1} has a quote and is not in quotes.` }
      }
      fields.push(field)
      at += field.length
    }
    if (at >= record.length) return fields
    at += 1
  }
}

/** The first quote that is not doubled. */
function closingQuote(record: string, from: number): number {
  let at = record.indexOf('"', from)
  while (at >= 0 && record[at + 1] === '"') at = record.indexOf('"', at + 2)
  return at
}
