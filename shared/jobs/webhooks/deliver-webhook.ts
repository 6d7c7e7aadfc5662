import type { Handled } from '#shared/batch/batch-services.ts'
import { signWebhook } from '#shared/exporters/sign-webhook.ts'
import { changeCall } from '../change-call.ts'
import type { DeferredCall } from '../deferred-call.ts'
import type { JobServices } from '../job-services.ts'
import type { SendWebhook, WebhookOutcome } from './send-webhook.ts'
import { signingKeys } from './webhook-secrets.ts'

export interface DeliveryServices extends JobServices {
  readonly sendWebhook: SendWebhook
  /** What is told of a job. */
  readonly describe: (call: DeferredCall) => unknown
}

const minute = 60_000
/** Between attempts; some eight hours in all. */
const pausesMs = [
  5_000,
  30_000,
  2 * minute,
  10 * minute,
  30 * minute,
  60 * minute,
  120 * minute,
  240 * minute,
]

/**
 * Tells the end of a call to who wants to hear it, as a Standard Webhook: at least once, always under
 * the id of the job. 2xx is success, 410 ends it at once, anything else is tried again.
 */
export async function deliverWebhook(id: string, services: DeliveryServices): Promise<Handled> {
  const { calls, now, random } = services
  const call = await calls.find(id)
  if (call?.webhook?.state !== 'pending') return 'done'
  const leftMs = call.webhook.nextAt - now()
  if (leftMs > 0) return { againAfterMs: leftMs }
  const outcome = await send(call, services)
  const word = outcome.kind === 'answered' ? String(outcome.status) : outcome.reason
  const pauseMs = pausesMs[call.webhook.attempts]
  const againAfterMs = Math.round((pauseMs ?? 0) * (0.75 + random() / 2))
  const told = await changeCall(id, services, ({ webhook }) => {
    if (webhook?.state !== 'pending') return undefined
    const attempts = webhook.attempts + 1
    const state = stateAfter(outcome, pauseMs !== undefined)
    return { webhook: { state, attempts, outcome: word, nextAt: now() + againAfterMs } }
  })
  return told?.call.webhook?.state === 'pending' ? { againAfterMs } : 'done'
}

function stateAfter(outcome: WebhookOutcome, mayTryAgain: boolean) {
  const status = outcome.kind === 'answered' ? outcome.status : 0
  if (status >= 200 && status < 300) return 'delivered'
  return mayTryAgain && status !== 410 ? 'pending' : 'failed'
}

async function send(call: DeferredCall, services: DeliveryServices): Promise<WebhookOutcome> {
  const { caller, webhookUrl: url = '' } = call.order
  const keys = await signingKeys(caller.tenant, services)
  const at = services.now()
  const body = JSON.stringify({
    type: `job.${call.state}`,
    timestamp: new Date(call.endedAt ?? at).toISOString(),
    data: services.describe(call),
  })
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'percall',
    ...signWebhook({ id: call.id, body, at }, keys),
  }
  // Unsigned it could be anybody's.
  if (keys.length === 0) return { kind: 'failed', reason: 'unsigned' }
  return services.sendWebhook({ url, headers, body })
}
