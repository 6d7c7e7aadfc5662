import { createHash } from 'node:crypto'
import type { Caller } from '#shared/access/caller.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { identifyRequest } from '#shared/metering/request-identity.ts'
import { callMessage } from './call-message.ts'
import { callPlaces } from './call-places.ts'
import type { CallOrder, DeferredCall, StoredRequest } from './deferred-call.ts'
import type { JobServices } from './job-services.ts'
import { readWebhookUrl } from './webhooks/webhook-url.ts'

/** What is put off, as it came. */
export interface NewCall extends Pick<CallOrder, 'model' | 'lane' | 'priority' | 'webhookUrl'> {
  readonly caller: Caller
  readonly request: Omit<StoredRequest, 'headers' | 'bodyKey'> & {
    readonly headers: Readonly<Record<string, string | undefined>>
    readonly body: Uint8Array
  }
}

/** What decides how a request is read and answered, and how it is known again. */
const keptHeaders = ['content-type', 'idempotency-key', 'x-percall-test', 'x-request-id']

/**
 * Stores a call and has it run later. With an `Idempotency-Key` it is the same job when it comes again.
 *
 * @throws ServiceError `idempotency_key_reused` where it was another request the first time,
 * `idempotency_key_invalid`, `webhook_refused`, `webhook_secret_missing`, `store_unavailable`
 */
export async function submitCall(asked: NewCall, services: JobServices): Promise<DeferredCall> {
  const { calls, objects, queues, now } = services
  const { tenant, mode } = asked.caller
  // As a paid call is known again, so that a job and a call under one key are one sale.
  const { requestKey, fingerprint } = identifyRequest({
    tenant,
    mode,
    keyId: '',
    request: asked.request,
    newId: services.newId,
  })
  const id = `job_${createHash('sha256').update(requestKey).digest('hex').slice(0, 32)}`
  const { lane, webhookUrl } = asked
  if (webhookUrl !== undefined) await checkWebhook(webhookUrl, tenant, services)
  let stored = await calls.find(id)
  if (!stored) {
    const { body } = asked.request
    const bodyKey = callPlaces.body(id, fingerprint)
    await objects.put(bodyKey, body, { ifAbsent: true })
    const call = newCall(id, orderOf(asked, fingerprint, bodyKey), now())
    stored = (await calls.create(call)) ? call : await calls.find(id)
  }
  if (!stored) throw new ServiceError('store_unavailable')
  if (stored.order.fingerprint !== fingerprint) throw new ServiceError('idempotency_key_reused')
  // Sent also where it existed: an earlier attempt may have died in between.
  if (stored.state === 'queued') await queues[lane].send([callMessage(stored)])
  return stored
}

async function checkWebhook(url: string, tenant: string, services: JobServices): Promise<void> {
  readWebhookUrl(url, services.webhookPolicy)
  if (!(await services.secrets.find(tenant))) throw new ServiceError('webhook_secret_missing')
}

function orderOf(asked: NewCall, fingerprint: string, bodyKey: string): CallOrder {
  const { model, lane, priority, webhookUrl } = asked
  const { limits: _, ...caller } = asked.caller
  const { body: __, headers, ...request } = asked.request
  const kept = keptHeaders.flatMap((name) => {
    const value = headers[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    caller,
    request: { ...request, headers: Object.fromEntries(kept), bodyKey },
    model,
    lane,
    priority,
    fingerprint,
    ...(webhookUrl !== undefined && { webhookUrl }),
  }
}

const newCall = (id: string, order: CallOrder, at: number): DeferredCall => ({
  id,
  order,
  revision: 1,
  createdAt: at,
  changedAt: at,
  state: 'queued',
  attempts: 0,
  mishaps: 0,
  notBefore: at,
})
