import { type Command, InvalidArgumentError } from 'commander'
import type { BatchClient, JobAnswer } from './batch-client.ts'
import { type BatchOptions, withBatchOptions } from './batch-options.ts'
import { commandEnvironment } from './command-environment.ts'
import { print, printJson } from './terminal.ts'

/** `percall batch list`, and what can be done with one job: show, watch, cancel, resume, audit. */
export function batchJobCommands(batch: Command): void {
  withBatchOptions(batch.command('list').description('list the jobs, newest first')).action(list)
  onJob(batch, 'show', 'show a job', (client, id) => client.get(`/v1/batch-jobs/${id}`))
  onJob(batch, 'watch', 'follow a job to its end', async (client, id) => {
    const { watchBatchJob } = await import('./watch-batch-job.ts')
    return watchBatchJob(client, id)
  })
  onJob(batch, 'cancel', 'stop a job; what is finished is published', (client, id) =>
    client.post(`/v1/batch-jobs/${id}/cancel`, {}),
  )
  onJob(batch, 'resume', 'let a paused job go on', (client, id) =>
    client.post(`/v1/batch-jobs/${id}/resume`, {}),
  )
}

function onJob(
  batch: Command,
  name: string,
  description: string,
  run: (client: BatchClient, id: string) => Promise<unknown>,
): void {
  const command = batch.command(name).description(description).argument('<job>', 'its id', jobId)
  withBatchOptions(command).action((id: string, options: BatchOptions) =>
    withClient(options, async (client) => {
      const job = (await run(client, id)) as JobAnswer
      if (options.json) return printJson(job)
      const { jobText } = await import('./batch-job-text.ts')
      print(jobText(job))
    }),
  )
}

async function list(options: BatchOptions): Promise<void> {
  await withClient(options, async (client) => {
    const page = (await client.get('/v1/batch-jobs?limit=50')) as { data: JobAnswer[] }
    if (options.json) return printJson(page)
    if (page.data.length === 0) return print('No jobs yet.')
    const { jobsTable } = await import('./batch-job-text.ts')
    print(jobsTable(page.data))
  })
}

async function withClient(
  options: BatchOptions,
  use: (client: BatchClient) => Promise<void>,
): Promise<void> {
  const { openBatchClient } = await import('./batch-client.ts')
  const client = await openBatchClient(commandEnvironment(options), options)
  try {
    await use(client)
  } finally {
    await client.close()
  }
}

function jobId(text: string): string {
  if (/^job_[0-9a-f]{32}$/.test(text)) return text
  throw new InvalidArgumentError('An id looks like job_ and 32 digits.')
}
