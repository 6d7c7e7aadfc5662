import type { Job } from '#shared/batch/job.ts'
import { orderJob } from '#shared/batch/order-job.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { type BatchInput, inputBytes } from './batch-input.ts'

/** Each is a job of its own. */
let files = 0

/** Stores a file of so many records, and returns what orders it: what came before is not counted. */
export async function storeBatch(
  input: BatchInput,
  records: number,
  services: PublishingServices,
): Promise<{ readonly sizeBytes: number; order(model: string): Promise<Job> }> {
  files += 1
  const key = `uploads/acme/${files}.${input.format}`
  const written = await services.objects.write(key, inputBytes(input, records))
  if (written.kind !== 'written') throw new Error('The input was not stored.')
  const { object } = written
  const order = (model: string) =>
    orderJob(
      {
        tenant: 'acme',
        keyId: 'bench',
        project: undefined,
        parties: [],
        free: false,
        input: { kind: 'object', object, format: 'auto' },
        model,
        parameters: {},
        records: { kind: 'input' },
        output: { format: 'jsonl', join: false },
        identity: [key],
      },
      services,
    )
  return { sizeBytes: object.sizeBytes, order }
}
