import type { ScheduledEvent, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type { Handled } from '#shared/batch/batch-services.ts'
import { readJobMessage } from '#shared/batch/messages.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { readStorageEvent } from '#shared/batch/storage-event.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { handleMessages } from './handle-messages.ts'
import { type LambdaBatch, lambdaBatch } from './lambda-batch.ts'
import { lazily } from './lazily.ts'
import { logRefusal } from './log-refusal.ts'

/**
 * Plans jobs, of which S3 tells by events and others by messages, and on a schedule makes good what
 * was lost on the way.
 */
export function onPlanMessages(open: () => Promise<Planning> = lambdaBatch) {
  const opened = lazily(async () => {
    const services = await open()
    const onRefused = logRefusal(services.logger)
    return { ...services, onRefused, reconcile: createReconciler(services.batch, { onRefused }) }
  })
  return async (event: SQSEvent | ScheduledEvent): Promise<SQSBatchResponse | undefined> => {
    const services = await opened()
    if ('Records' in event) {
      const { queues } = services.batch
      const handle = (body: string, receives: number) => planOrReceive(body, receives, services)
      return handleMessages(event, { queue: queues.plan, handle, logger: services.logger })
    }
    await services.reconcile()
    return undefined
  }
}

type Planning = Pick<LambdaBatch, 'batch' | 'logger'>
type OnRefused = ReturnType<typeof logRefusal>

async function planOrReceive(
  body: string,
  receives: number,
  { batch, onRefused }: Planning & { readonly onRefused: OnRefused },
): Promise<Handled> {
  const keys = readStorageEvent(body)
  if (!keys) {
    // All formats come with it, which events of S3 and the reconciler need not wait for.
    const { planJob } = await import('#shared/batch/plan-job.ts')
    return planJob(readJobMessage(body).job, receives, batch)
  }
  for (const key of keys) {
    await receiveObject(key, batch).catch((thrown) => {
      const error = ServiceError.from(thrown)
      // What cannot become a job cannot become one later.
      if (error.retryable) throw error
      onRefused(key, error)
    })
  }
  return 'done'
}
