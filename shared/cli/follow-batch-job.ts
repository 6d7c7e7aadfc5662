import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { BatchClient, JobAnswer } from './batch-client.ts'
import { note, print, printJson } from './terminal.ts'

export interface FollowOptions {
  readonly json?: boolean
  /** Not to its end. */
  readonly detach?: boolean
  /** How it may end so that the command has worked. */
  readonly goodEnds?: readonly JobAnswer['state'][]
  /** Where to write the results to; `-` is standard output. */
  readonly output?: string
  /** Where to write the errors to; else the first ones are told. */
  readonly errors?: string
}

/** As shells tell of a command that Ctrl+C has ended. */
const interrupted = 130

/** Follows a job to its end, and tells what came out of it. */
export async function followBatchJob(
  client: BatchClient,
  { id }: Pick<JobAnswer, 'id'>,
  { json, detach, output, errors, goodEnds = ['published'] }: FollowOptions = {},
): Promise<void> {
  const [{ watchBatchJob }, { jobText }] = await Promise.all([
    import('./watch-batch-job.ts'),
    import('./batch-job-text.ts'),
  ])
  const { job, left } = detach
    ? { job: (await client.get(`/v1/batch-jobs/${id}`)) as JobAnswer, left: false }
    : await watchBatchJob(client, id)
  if (json) printJson(job)
  // Standard output is for what came out then.
  else if (output === '-' || errors === '-') note(jobText(job))
  else print(jobText(job))
  if (left) {
    note(`Left. The job goes on with "percall batch watch ${id}", or where a server runs.`)
    process.exitCode = interrupted
    return
  }
  if (output !== undefined) await save(client, job, 'results', output)
  if (errors !== undefined) await save(client, job, 'errors', errors)
  else if (!json) await tellErrors(client, job)
  const isEmpty = job.state === 'published' && job.results === 0 && job.errors > 0
  if (isEmpty) note('No record could be scored.')
  if (!detach && (isEmpty || !goodEnds.includes(job.state))) process.exitCode = 1
}

async function save(
  client: BatchClient,
  { id, outputs }: JobAnswer,
  name: 'results' | 'errors',
  file: string,
): Promise<void> {
  if (!outputs.some((output) => output.name === name)) return
  const bytes = await client.read(`/v1/batch-jobs/${id}/${name}`)
  if (file === '-') return pipeline(bytes, process.stdout, { end: false })
  await pipeline(bytes, createWriteStream(file))
  note(`${name === 'results' ? 'Results' : 'Errors'} are in ${file}.`)
}

const toldErrors = 3

/** The first records that could not be scored: often all are wrong in the same way. */
async function tellErrors(client: BatchClient, { id, outputs, errors }: JobAnswer): Promise<void> {
  if (!outputs.some(({ name }) => name === 'errors')) return
  const reader = (await client.read(`/v1/batch-jobs/${id}/errors`)).getReader()
  const { value } = await reader.read()
  await reader.cancel()
  const lines = Buffer.from(value ?? [])
    .toString()
    .split('\n')
    .slice(0, -1)
    .slice(0, toldErrors)
  for (const line of lines) {
    const { record, error } = JSON.parse(line)
    const place = record === undefined ? '' : `record ${record}: `
    note(`${place}${error?.code}: ${error?.detail ?? error?.message}`)
  }
  if (errors > lines.length) note(`… and ${errors - lines.length} more; see them with --errors.`)
}
