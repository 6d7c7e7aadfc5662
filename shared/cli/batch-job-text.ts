import type { JobAnswer } from './batch-client.ts'
import { formatTable } from './format-table.ts'
import { outColors } from './terminal.ts'

/** Millionths of the currency unit, which the API writes as numbers. */
export const money = (micros: unknown): string => (Number(micros) / 1_000_000).toFixed(4)

const jobLine = (job: JobAnswer): string => `${job.state}, ${jobNumbers(job)}`

/** What is said of a job beside its bar. */
export function jobNumbers({ progress, results, errors, cost_micros: cost }: JobAnswer): string {
  const { rows_per_second: pace, seconds_left: left } = progress
  return [
    `${results + errors} records`,
    ...(errors > 0 ? [`${errors} ${errors === 1 ? 'error' : 'errors'}`] : []),
    ...(pace === null ? [] : [`${pace} rows/s`]),
    `cost ${money(cost)}`,
    ...(left === null ? [] : [`${left} s left`]),
  ].join(', ')
}

/** A job and what came out of it, for people. */
export function jobText(job: JobAnswer): string {
  const { bold, dim, yellow } = outColors
  return [
    `${bold(job.id)} ${job.model}, ${jobLine(job)}`,
    dim(job.input),
    ...job.problems.map(({ code, message, line }) =>
      yellow(`${line === undefined ? '' : `line ${line}: `}${code}: ${message}`),
    ),
    ...job.outputs.map(({ name, key }) => `${name.padEnd(8)} ${key}`),
  ].join('\n')
}

export const jobsTable = (jobs: readonly JobAnswer[]): string =>
  formatTable(
    ['id', 'model', 'state', 'results', 'errors', 'cost', 'created'],
    jobs.map((job) => [
      job.id,
      job.model,
      job.state,
      String(job.results),
      String(job.errors),
      money(job.cost_micros),
      String(job.created_at).slice(0, 19),
    ]),
  )
