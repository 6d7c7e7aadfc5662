import { createHash } from 'node:crypto'
import { describeFile, newFileId } from './files.ts'
import type { Job, JobOutput } from './job.ts'
import type { ObjectStore } from './object-store.ts'

/** The file that an output of a batch is known as: the same whoever publishes it. */
export function outputFileId({ id, createdAt }: Job, name: 'results' | 'errors'): string {
  const digest = createHash('sha256').update(`${id} ${name}`).digest('hex')
  return newFileId(createdAt, digest.slice(0, 18))
}

/** Makes the outputs of an OpenAI batch known as files of its tenant. */
export async function describeOutputs(
  job: Job,
  outputs: readonly JobOutput[],
  objects: ObjectStore,
): Promise<void> {
  const { tenant, batch } = job.order
  if (!batch) return
  for (const { name, key, sizeBytes } of outputs) {
    if (name === 'manifest') continue
    const { outputSeconds } = batch
    const file = {
      id: outputFileId(job, name),
      tenant,
      filename: `${job.id.replace(/^job_/, 'batch_')}_${name === 'results' ? 'output' : 'error'}.jsonl`,
      purpose: 'batch_output',
      sizeBytes,
      createdAt: job.createdAt,
      expiresAt: outputSeconds && job.createdAt + outputSeconds * 1_000,
      key,
    }
    await describeFile(file, objects)
  }
}
