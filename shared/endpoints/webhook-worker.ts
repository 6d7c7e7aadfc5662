import type { Handled } from '#shared/batch/batch-services.ts'
import { readCallMessage } from '#shared/jobs/call-message.ts'
import type { JobServices } from '#shared/jobs/job-services.ts'
import { deliverWebhook } from '#shared/jobs/webhooks/deliver-webhook.ts'
import { createWebhookSender, type SendWebhook } from '#shared/jobs/webhooks/send-webhook.ts'
import { jobAnswer } from '#shared/protocols/job-answers.ts'

export interface WebhookWorkerOptions {
  readonly jobs: JobServices
  readonly sendWebhook?: SendWebhook
}

/** What is done with a message of the queue `webhooks`, wherever it is worked off. */
export function createWebhookWorker({
  jobs,
  sendWebhook = createWebhookSender({ policy: jobs.webhookPolicy }),
}: WebhookWorkerOptions): (body: string) => Promise<Handled> {
  const services = { ...jobs, sendWebhook, describe: jobAnswer }
  return (body) => deliverWebhook(readCallMessage(body), services)
}
