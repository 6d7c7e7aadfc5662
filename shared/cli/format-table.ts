import { outColors } from './terminal.ts'

const number = /^-?[\d.]+( [a-zA-Zµ%]+)?$/

/** Rows under their titles, in columns two spaces apart; columns of numbers end at one edge. */
export function formatTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const columns = titles.map((title, at) => {
    const cells = rows.map((row) => row[at] ?? '')
    return {
      width: Math.max(title.length, ...cells.map((cell) => cell.length)),
      rightAligned: cells.length > 0 && cells.every((cell) => number.test(cell)),
    }
  })
  const line = (cells: readonly string[]) =>
    columns
      .map(({ width, rightAligned }, at) =>
        rightAligned ? (cells[at] ?? '').padStart(width) : (cells[at] ?? '').padEnd(width),
      )
      .join('  ')
      .trimEnd()
  return [outColors.dim(line(titles)), ...rows.map(line)].join('\n')
}
