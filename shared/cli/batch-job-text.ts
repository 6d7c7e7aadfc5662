import type { JobAnswer } from './batch-client.ts'
import { formatTable } from './format-table.ts'
import { outColors } from './terminal.ts'

/** Millionths of the currency unit, which the API writes as numbers. */
export const money = (micros: unknown): string => (Number(micros) / 1_000_000).toFixed(4)

const jobLine = (job: JobAnswer): string => `${job.state}, ${jobNumbers(job)}`

/** What is said of a job beside its bar. */
export function jobNumbers(job: JobAnswer): string {
  const { progress, results, errors } = job
  const { rows_per_second: pace, seconds_left: left, seconds_left_range: range } = progress
  return [
    `${results + errors} records`,
    ...(errors > 0 ? [`${errors} ${errors === 1 ? 'error' : 'errors'}`] : []),
    ...(pace === null ? [] : [`${pace} rows/s`]),
    `cost ${costOf(job)}`,
    ...(left === null ? [] : [`${left} s left${range ? ` (${range.low} to ${range.high})` : ''}`]),
  ].join(', ')
}

/** What was ordered with a test key is free, and would otherwise be taken for a price. */
const costOf = ({ cost_micros: cost, currency, free }: JobAnswer): string =>
  [money(cost), ...(currency === null ? [] : [currency]), ...(free ? ['(test key)'] : [])].join(' ')

/** A job and what came out of it, for people. */
export function jobText(job: JobAnswer): string {
  const { bold, dim, yellow } = outColors
  return [
    `${bold(job.id)} ${job.model}, ${jobLine(job)}`,
    dim(job.input),
    ...job.problems.map(({ code, message, line }) =>
      yellow(`${line === undefined ? '' : `line ${line}: `}${code}: ${message}`),
    ),
    ...(job.state === 'paused' ? [howToGoOn(job)] : []),
    ...job.outputs.map(({ name, key }) => `${name.padEnd(8)} ${key}`),
  ].join('\n')
}

/** A chunk that would be paid for within the cap may be refused beside others that hold all of it. */
function howToGoOn({
  id,
  problems,
  max_charge_micros: cap,
  cost_micros: cost,
  currency,
}: JobAnswer) {
  const left = cap === null ? 0 : Number(cap) - Number(cost)
  const isCapped = problems.some(({ code }) => code === 'spend_cap_reached')
  const resume = `"percall batch resume ${id}`
  if (!isCapped || left <= 0)
    return `Go on with ${resume}"${isCapped ? ' and a higher --cap.' : '.'}`
  return [
    `${money(left)} ${currency} of the cap are left: less than the next chunk may cost, or held by chunks`,
    `that ran at that time. Use what is left with ${resume}", or raise the cap with --cap.`,
  ].join('\n')
}

export const jobsTable = (jobs: readonly JobAnswer[]): string =>
  formatTable(
    ['id', 'file', 'model', 'state', 'done', 'results', 'errors', 'cost', '', 'created'],
    jobs.map((job) => [
      job.id,
      fileName(job.input),
      job.model,
      job.state,
      `${job.progress.percent} %`,
      String(job.results),
      String(job.errors),
      money(job.cost_micros),
      `${job.currency ?? ''}${job.free ? ' (test)' : ''}`,
      String(job.created_at).slice(0, 19),
    ]),
  )

const longestName = 32

/** The last name of a key, its end where it is long. */
function fileName(key: string): string {
  const name = key.split('/').filter(Boolean).at(-1) ?? key
  return name.length > longestName ? `…${name.slice(1 - longestName)}` : name
}
