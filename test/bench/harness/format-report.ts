import type { Report, Row } from './report.ts'

/** A report as Markdown. */
export function formatReport({ title, rows, notes = [] }: Report): string {
  const lines = [
    `### ${title}`,
    '',
    '| | median | best | p90 | bar |',
    '|---|---:|---:|---:|---|',
    ...rows.map((row) => `| ${[row.what, ...figures(row), bar(row)].join(' | ')} |`),
  ]
  return [...lines, ...(notes.length > 0 ? ['', ...notes.map((note) => `- ${note}`)] : [])].join(
    '\n',
  )
}

function figures({ value, unit }: Row): string[] {
  const { median, best, p90 } = typeof value === 'number' ? { median: value } : value
  return [`**${digits(median)}** ${unit}`, digits(best), digits(p90)]
}

function bar({ value, atMost, atLeast }: Row): string {
  const figure = typeof value === 'number' ? value : value.median
  if (atMost !== undefined) return `≤ ${atMost}: ${figure <= atMost ? 'met' : 'short'}`
  if (atLeast !== undefined) return `≥ ${atLeast}: ${figure >= atLeast ? 'met' : 'short'}`
  return ''
}

/** Three significant digits or none behind the point: more would pretend. */
function digits(value: number | undefined): string {
  if (value === undefined) return ''
  if (value === 0) return '0'
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
