import type { Attempt } from './attempt.ts'
import { computeBoundMs } from './prices.ts'
import { type ClientPlan, type TryPlan, timeoutMs } from './scenario.ts'
import type { Actor } from './scheduler.ts'
import type { CodeUnderTest } from './simulate.ts'

/** A try as it arrives, recognised by the real code. */
export function newAttempt(
  { identifyRequest }: CodeUnderTest,
  actor: Actor,
  client: ClientPlan,
  plan: TryPlan,
  tryIndex: number,
): Attempt {
  const { tenant, key, free, kind, idempotencyKey, payload, priceName } = client
  const keyId = `key-${key}`
  const identity = identifyRequest({
    mode: 'live',
    tenant: tenant.name,
    keyId,
    request: {
      method: 'POST',
      path: '/v1/models/iris/predict',
      query: {},
      headers: {
        'content-type': 'application/json',
        'idempotency-key': kind === 'keyed' ? idempotencyKey : undefined,
        'x-stainless-retry-count': kind === 'plain' ? undefined : String(tryIndex),
      },
      body: Buffer.from(payload + priceName),
    },
    newId: () => actor.name,
  })
  const parties = [
    { scope: 'key', id: `${tenant.name}/${keyId}`, limits: tenant.keyLimits[key] ?? {} },
    { scope: 'project', id: `${tenant.name}/blue`, limits: tenant.projectLimits },
  ] as const
  const call = {
    ...identity,
    tenant: tenant.name,
    keyId,
    project: 'blue',
    parties,
    free,
    model: 'iris@1',
    modelDigest: 'sha256:1f',
    priceName,
    units: { calls: 1, rows: plan.rows, computeMs: computeBoundMs },
    timeoutMs,
  }
  return { id: actor.name, actor, client, plan, call }
}
