import type { Report, Row } from './report.ts'

/** All reports as one table in Markdown, with their notes below it. */
export function formatReports(reports: readonly Report[]): string {
  const lines = reports.flatMap(({ title, rows }) => [
    `| **${title}** | | | | |`,
    ...rows.map((row) => `| ${[row.what, ...figures(row), bar(row)].join(' | ')} |`),
  ])
  const notes = reports.flatMap(({ notes = [] }) => notes.map((note) => `- ${note}`))
  return [
    '| | median | best | p90 | bar |',
    '|---|---:|---:|---:|---|',
    ...lines,
    '',
    ...notes,
  ].join('\n')
}

function figures({ value, unit }: Row): string[] {
  const { median, best, p90 } = typeof value === 'number' ? { median: value } : value
  return [`${digits(median)} ${unit}`, digits(best), digits(p90)]
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
