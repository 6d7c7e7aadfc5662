import type { Row } from './report.ts'

/** A line of the table that has no bar. */
export const milliseconds = (what: string, value: Row['value']): Row => ({
  what,
  unit: 'ms',
  value,
})
