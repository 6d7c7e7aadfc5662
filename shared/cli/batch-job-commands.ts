import type { Command } from 'commander'
import type { BatchClient, BatchClientOptions, JobAnswer } from './batch-client.ts'
import { type BatchOptions, withBatchOptions } from './batch-options.ts'
import { commandEnvironment } from './command-environment.ts'
import type { FollowOptions } from './follow-batch-job.ts'
import { jobId } from './job-id.ts'
import { readAmount } from './read-amount.ts'
import { print, printJson } from './terminal.ts'

interface JobOptions extends BatchOptions, FollowOptions {
  readonly cap?: bigint
}

const { example: idExample } = jobId

/** `percall batch list`, and what can be done with one job: show, watch, cancel, resume. */
export function batchJobCommands(batch: Command): void {
  withBatchOptions(batch.command('list').description('list the jobs, newest first'))
    .addHelpText('after', examples('list', 'list --json', 'list --url http://127.0.0.1:8080'))
    .action(list)

  onJob(batch, 'show', 'show a job')
    .addHelpText('after', examples(`show ${idExample}`, `show ${idExample} --json`))
    .action((id: string, options: JobOptions) => withClient(options, {}, show(id, options)))

  withFiles(onJob(batch, 'watch', 'follow a job to its end'))
    .addHelpText('after', examples(`watch ${idExample}`, `watch ${idExample} -o results.jsonl`))
    .action((id: string, options: JobOptions) => follow(id, options))

  onJob(batch, 'cancel', 'stop a job; what is finished is published and paid for')
    .addHelpText('after', examples(`cancel ${idExample}`))
    .action((id: string, options: JobOptions) =>
      // A job that was being published already completes.
      follow(id, { ...options, goodEnds: ['cancelled', 'published'] }, 'cancel'),
    )

  withFiles(onJob(batch, 'resume', 'let a paused job go on, and follow it'))
    .option('--cap <amount>', 'let it cost so much in all from now on', readAmount)
    .option('--detach', 'do not wait for the end')
    .addHelpText('after', examples(`resume ${idExample}`, `resume ${idExample} --cap 20`))
    .action((id: string, options: JobOptions) => follow(id, options, 'resume'))
}

const examples = (...calls: readonly string[]): string =>
  `\nExamples:\n${calls.map((call) => `  $ percall batch ${call}`).join('\n')}`

const onJob = (batch: Command, name: string, description: string): Command =>
  withBatchOptions(batch.command(name).description(description).argument('<job>', 'its id', jobId))

const withFiles = (command: Command): Command =>
  command
    .option('-o, --output <file>', 'write the results there')
    .option('--errors <file>', 'write the records that could not be scored there')

async function follow(
  id: string,
  options: JobOptions,
  change?: 'cancel' | 'resume',
): Promise<void> {
  const { followBatchJob } = await import('./follow-batch-job.ts')
  await withClient(options, { works: !options.detach }, async (client) => {
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

async function list(options: BatchOptions): Promise<void> {
  await withClient(options, {}, async (client) => {
    const page = (await client.get('/v1/batch-jobs?limit=50')) as { data: JobAnswer[] }
    if (options.json) return printJson(page)
    if (page.data.length === 0) return print('No jobs yet.')
    const { jobsTable } = await import('./batch-job-text.ts')
    print(jobsTable(page.data))
  })
}

async function withClient(
  options: BatchOptions,
  how: BatchClientOptions,
  use: (client: BatchClient) => Promise<void>,
): Promise<void> {
  const { openBatchClient } = await import('./batch-client.ts')
  const client = await openBatchClient(commandEnvironment(options), options, how)
  try {
    await use(client)
  } finally {
    await client.close()
  }
}
