import { formatTable } from './format-table.ts'
import { outColors } from './terminal.ts'

/** The answer of a plain call. */
export interface Answer {
  readonly model: string
  readonly version: string
  readonly outputs: unknown
  /** Milliseconds. */
  readonly timings: Readonly<Record<string, number>>
}

/** An answer for people: a table an input, what scored best on top. */
export function predictionText({ model, version, outputs, timings }: Answer): string {
  const groups = isList(outputs) && outputs.every(isList) ? outputs : [outputs]
  const tables = groups.map((group, at) => {
    const text = groupText(group)
    return groups.length === 1 ? text : `${outColors.bold(`input ${at + 1}`)}\n${text}`
  })
  const spent = Object.values(timings).reduce((sum, milliseconds) => sum + milliseconds, 0)
  return [...tables, outColors.dim(`${model}@${version}, ${spent.toFixed(1)} ms`)].join('\n\n')
}

function groupText(group: unknown): string {
  if (!isList(group) || !group.every(isRecord)) return JSON.stringify(group, undefined, 2)
  if (group.length === 0) return 'Nothing found.'
  const rows = group.map(flatten)
  const titles = Object.keys(rows[0] ?? {})
  const cells = rows.map((row) => titles.map((title) => cellText(row[title])))
  const bars = rows.map(({ score }) => (typeof score === 'number' ? scoreBar(score) : ''))
  return formatTable(
    [...titles, ''],
    cells.map((row, at) => [...row, bars[at] ?? '']),
  )
}

/** `{label, box: {xmin, …}}` as one row of columns. */
const flatten = (row: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) =>
      isRecord(value) ? Object.entries(value) : [[name, value]],
    ),
  )

function cellText(value: unknown): string {
  if (typeof value !== 'number') return String(value)
  return Number.isInteger(value) && Math.abs(value) > 1 ? String(value) : value.toFixed(4)
}

const scoreBar = (score: number) => '■'.repeat(Math.round(Math.min(Math.max(score, 0), 1) * 20))

const isList = (value: unknown): value is unknown[] => Array.isArray(value)
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
