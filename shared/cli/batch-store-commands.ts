import type { Command } from 'commander'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { jobId } from './job-id.ts'
import { print, printJson } from './terminal.ts'

interface StoreOptions extends PlaceOptions {
  readonly json?: boolean
}

/** What operators do with the stores themselves: `percall batch audit` and `percall batch redrive`. */
export function batchStoreCommands(batch: Command): void {
  const audit = batch
    .command('audit')
    .description('check that a job has ended as promised, from what is stored alone')
    .argument('<job>', 'its id', jobId)
  withSharedOptions(audit).addHelpText('after', auditHelp).action(auditJob)
  const redrive = batch
    .command('redrive')
    .description('give messages that were given up on another chance')
  withSharedOptions(redrive).addHelpText('after', redriveHelp).action(redriveQueues)
}

const auditHelp = `
Examples:
  $ percall batch audit ${jobId.example}
  $ PERCALL_BATCH=s3://BUCKET PERCALL_JOBS=dynamodb:TABLE percall batch audit ${jobId.example}

Exits with 1 where something is not as promised: a record that is missing or comes twice, a charge
without a result, an output that was changed.`

const redriveHelp = `
Example:
  $ percall batch redrive`

async function auditJob(id: string, options: StoreOptions): Promise<void> {
  const [{ withBatch }, { auditJob: audit }, { hasEnded }, { ServiceError }] = await Promise.all([
    import('./with-batch.ts'),
    import('#shared/batch/audit-job.ts'),
    import('#shared/batch/job-progress.ts'),
    import('#shared/errors/service-error.ts'),
  ])
  const breaches = await withBatch(commandEnvironment(options), async (services) => {
    const job = await services.jobs.find(id)
    if (job && hasEnded(job)) return audit(job, services)
    if (job) {
      throw new ServiceError('job_not_ended', { detail: `The job is ${job.state}.` })
    }
    throw new ServiceError('resource_not_found', { detail: 'There is no such job.' })
  })
  if (options.json) printJson({ job: id, breaches })
  else if (breaches.length === 0) print('Every promise is kept.')
  else print(breaches.map(({ rule, detail }) => `${rule}: ${detail}`).join('\n'))
  if (breaches.length > 0) process.exitCode = 1
}

async function redriveQueues(options: StoreOptions): Promise<void> {
  const { withBatch } = await import('./with-batch.ts')
  const redriven = await withBatch(commandEnvironment(options), async ({ queues }) => {
    const [plan, score, publish] = await Promise.all([
      queues.plan.redrive(),
      queues.score.redrive(),
      queues.publish.redrive(),
    ])
    return { plan, score, publish }
  })
  if (options.json) return printJson(redriven)
  print(
    Object.entries(redriven)
      .map(([queue, count]) => `${queue}: ${count}`)
      .join('\n'),
  )
}
