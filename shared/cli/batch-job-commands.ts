import { type Command, InvalidArgumentError } from 'commander'
import type { BatchClient, JobAnswer } from './batch-client.ts'
import { type BatchOptions, withBatchOptions, withResultFiles } from './batch-options.ts'
import type { FollowOptions } from './follow-batch-job.ts'
import { examplesOf, jobCommand } from './job-command.ts'
import { jobId } from './job-id.ts'
import { readAmount } from './read-amount.ts'
import { note, print, printJson } from './terminal.ts'
import { withBatchClient } from './with-batch-client.ts'

interface JobOptions extends BatchOptions, FollowOptions {
  readonly cap?: bigint
}

interface ListOptions extends BatchOptions {
  readonly limit: number
  readonly after?: string
}

interface JobPage {
  readonly data: readonly JobAnswer[]
  readonly has_more: boolean
}

const { example: idExample } = jobId

/** `percall batch list`, and what can be done with one job: show, watch, cancel, resume. */
export function batchJobCommands(batch: Command): void {
  withBatchOptions(batch.command('list').description('list the jobs, newest first'))
    .option('--limit <number>', 'so many of them, up to 100', readLimit, 50)
    .option('--after <job>', 'those that were ordered before this one', jobId)
    .addHelpText(
      'after',
      examplesOf(batch, 'list', `list --after ${idExample}`, 'list --limit 5 --json'),
    )
    .action(list)

  jobCommand(batch, 'show', 'show a job')
    .addHelpText('after', examplesOf(batch, `show ${idExample}`, `show ${idExample} --json`))
    .action((id: string, options: JobOptions) => withBatchClient(options, {}, show(id, options)))

  withResultFiles(jobCommand(batch, 'watch', 'follow a job to its end'))
    .addHelpText(
      'after',
      examplesOf(batch, `watch ${idExample}`, `watch ${idExample} -o results.jsonl`),
    )
    .action((id: string, options: JobOptions) => follow(id, options))

  jobCommand(batch, 'cancel', 'stop a job; what is finished is published and paid for')
    .addHelpText('after', examplesOf(batch, `cancel ${idExample}`))
    .action((id: string, options: JobOptions) =>
      // A job that was being published already completes.
      follow(id, { ...options, goodEnds: ['cancelled', 'published'] }, 'cancel'),
    )

  withResultFiles(jobCommand(batch, 'resume', 'let a paused job go on, and follow it'))
    .option('--cap <amount>', 'let it cost so much in all from now on', readAmount)
    .option('--detach', 'do not wait for the end')
    .addHelpText('after', examplesOf(batch, `resume ${idExample}`, `resume ${idExample} --cap 20`))
    .action((id: string, options: JobOptions) => follow(id, options, 'resume'))
}

async function follow(
  id: string,
  options: JobOptions,
  change?: 'cancel' | 'resume',
): Promise<void> {
  const { followBatchJob } = await import('./follow-batch-job.ts')
  await withBatchClient(options, { works: !options.detach }, async (client) => {
    const { cap } = options
    const body = cap === undefined ? {} : { max_charge_micros: String(cap) }
    if (change) await client.post(`/v1/batch-jobs/${id}/${change}`, body)
    await followBatchJob(client, { id }, options)
  })
}

const show =
  (id: string, { json }: BatchOptions) =>
  async (client: BatchClient) => {
    const job = (await client.get(`/v1/batch-jobs/${id}`)) as JobAnswer
    if (json) return printJson(job)
    const { jobText } = await import('./batch-job-text.ts')
    print(jobText(job))
  }

async function list(options: ListOptions): Promise<void> {
  const { limit, after } = options
  const query = new URLSearchParams({ limit: String(limit), ...(after && { after }) })
  await withBatchClient(options, {}, async (client) => {
    const page = (await client.get(`/v1/batch-jobs?${query}`)) as JobPage
    if (options.json) return printJson(page)
    const last = page.data.at(-1)
    if (!last) return print(after ? 'No jobs before that one.' : 'No jobs yet.')
    const { jobsTable } = await import('./batch-job-text.ts')
    print(jobsTable(page.data))
    if (page.has_more) note(`There are more: percall batch list --after ${last.id}`)
  })
}

function readLimit(text: string): number {
  if (/^([1-9]\d?|100)$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number from 1 to 100.')
}
