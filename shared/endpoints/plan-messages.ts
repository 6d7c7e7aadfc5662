import type { Context, ScheduledEvent, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import type { Handled } from '#shared/batch/batch-services.ts'
import { readJobMessage } from '#shared/batch/messages.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { readStorageEvent } from '#shared/batch/storage-event.ts'
import { createObjectSweeper } from '#shared/batch/sweep-objects.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { handleMessages } from './handle-messages.ts'
import { type LambdaBatch, lambdaBatch } from './lambda-batch.ts'
import { lazily } from './lazily.ts'
import { tellRefusal } from './tell-refusal.ts'
import { withinRun } from './within-run.ts'

/**
 * Plans jobs, of which S3 tells by events and others by messages, and on a schedule makes good what
 * was lost on the way, and removes what has expired.
 */
export function onPlanMessages(open: () => Promise<Planning> = lambdaBatch) {
  const opened = lazily(async () => {
    const services = await open()
    const onRefused = tellRefusal({ ...services.batch, logger: services.logger })
    // The bucket's own lifecycle removes plans and parts.
    const sweep = createObjectSweeper(services.batch)
    const reconcile = createReconciler(services.batch, { onRefused })
    return { ...services, onRefused, reconcile, sweep }
  })
  return async (
    event: SQSEvent | ScheduledEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse | undefined> => {
    const services = await opened()
    if ('Records' in event) {
      const batch = withinRun(services.batch, context)
      const handle = (body: string, receives: number) =>
        planOrReceive(body, receives, { ...services, batch })
      return handleMessages(event, { queue: batch.queues.plan, handle, logger: services.logger })
    }
    await services.reconcile().finally(services.sweep)
    return undefined
  }
}

type Planning = Pick<LambdaBatch, 'batch' | 'logger'>
type OnRefused = ReturnType<typeof tellRefusal>

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
    await receiveObject(key, batch).catch(async (thrown) => {
      const error = ServiceError.from(thrown)
      // What cannot become a job cannot become one later.
      if (error.retryable) throw error
      await onRefused(key, error)
    })
  }
  return 'done'
}
