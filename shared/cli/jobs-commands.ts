import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { jobAnswer } from '#shared/protocols/job-answers.ts'
import type { BatchClient } from './batch-client.ts'
import { type BatchOptions, withBatchOptions } from './batch-options.ts'
import { formatTable } from './format-table.ts'
import { examplesOf, jobCommand } from './job-command.ts'
import { jobEnd } from './job-end.ts'
import { jobId } from './job-id.ts'
import { print, printJson } from './terminal.ts'
import { withBatchClient } from './with-batch-client.ts'

/** A call that was put off, as the API tells of it. */
type JobAnswer = ReturnType<typeof jobAnswer>

interface WaitOptions extends BatchOptions {
  readonly output?: string
}

/** `percall jobs`: calls that were put off. */
export function jobsCommands(jobs: Command): void {
  withBatchOptions(jobs.command('list').description('list the jobs, newest first'))
    .addHelpText('after', examplesOf(jobs, 'list', 'list --url http://127.0.0.1:8080'))
    .action((options: BatchOptions) =>
      withBatchClient(options, {}, async (client) => {
        const page = (await client.get('/v1/jobs?limit=50')) as { data: JobAnswer[] }
        if (options.json) return printJson(page)
        print(page.data.length === 0 ? 'No jobs yet.' : tableOf(page.data))
      }),
    )

  jobCommand(jobs, 'show', 'show a job, its place in the queue and the time left')
    .addHelpText('after', examplesOf(jobs, `show ${jobId.example}`))
    .action((id: string, options: BatchOptions) =>
      withBatchClient(options, {}, async (client) => tell(await read(client, id), options)),
    )

  jobCommand(jobs, 'wait', 'wait for the end of a job, and print its answer')
    .option('-o, --output <file>', 'write the answer there')
    .addHelpText(
      'after',
      examplesOf(jobs, `wait ${jobId.example}`, `wait ${jobId.example} -o answer.json`),
    )
    .action((id: string, options: WaitOptions) =>
      withBatchClient(options, { works: true }, (client) => wait(client, id, options)),
    )

  jobCommand(jobs, 'cancel', 'do not run a job, or stop it: then it costs nothing')
    .addHelpText('after', examplesOf(jobs, `cancel ${jobId.example}`))
    .action((id: string, options: BatchOptions) =>
      withBatchClient(options, {}, async (client) =>
        tell((await client.post(`/v1/jobs/${id}/cancel`, {})) as JobAnswer, options),
      ),
    )
}

const read = async (client: BatchClient, id: string): Promise<JobAnswer> =>
  (await client.get(`/v1/jobs/${id}`)) as JobAnswer

/** @throws ServiceError what the call itself was refused with, or `job_cancelled` */
async function wait(client: BatchClient, id: string, { output }: WaitOptions): Promise<void> {
  const { state } = await jobEnd(() => read(client, id))
  if (state === 'cancelled') throw new ServiceError('job_cancelled')
  const bytes = await new Response(await client.read(`/v1/jobs/${id}/result`)).bytes()
  if (output === undefined) process.stdout.write(bytes)
  else await writeFile(output, bytes)
}

function tell(job: JobAnswer, { json }: BatchOptions): void {
  if (json) {
    printJson(job)
    return
  }
  const { seconds_left: left } = job
  const place = job.position === null ? '' : `, ${job.position} before it`
  const time = left ? `, ${left.low} to ${left.high ?? '?'} s left` : ''
  const cost = job.cost_micros === null ? '' : `, cost ${job.cost_micros} micros`
  print(`${job.id} ${job.model}, ${job.state}${place}${time}${cost}`)
}

const tableOf = (jobs: readonly JobAnswer[]): string =>
  formatTable(
    ['job', 'model', 'state', 'priority', 'ordered'],
    jobs.map(({ id, model, state, priority, created_at }) => [
      id,
      model,
      state,
      priority,
      created_at ?? '',
    ]),
  )
