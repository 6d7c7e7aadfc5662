import type { Caller } from '#shared/access/caller.ts'
import type { Handled } from '#shared/batch/batch-services.ts'
import { readAll } from '#shared/batch/read-all.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Endpoint, HttpRequest, HttpResponse } from '#shared/protocols/http-message.ts'
import { changeCall } from './change-call.ts'
import { claimCall, leaseMs } from './claim-call.ts'
import type { DeferredCall } from './deferred-call.ts'
import { finishCall, requeueCall } from './finish-call.ts'
import type { JobServices } from './job-services.ts'

export interface RunningServices extends JobServices {
  /** That of the ordinary calls. */
  readonly endpoint: Endpoint
  /** Who asked then, as his key stands now. @throws ServiceError where it was revoked */
  readonly callerNow: (caller: Caller, askedAt: number) => Promise<Caller>
  /** What the caller of a request gets for an error, in the dialect of its route. */
  readonly encodeError: (request: HttpRequest, error: ServiceError) => HttpResponse
  /** Told of a failure that the call's own answer does not tell. */
  readonly onFailure: (cause: unknown) => void
}

/** Runs that die or fail on our side, after which a call is given up. */
const mostMishaps = 3
/** A run is ended so soon after its cancelling, and what it had taken is free within a second. */
const hearEveryMs = 300
/** Runs that were refused for now (busy, limits, a store that does not answer). */
const mostAttempts = 15

/**
 * Works off one message: takes the call whose turn it is, and runs it through the endpoint of
 * ordinary calls, in the name of who asked. Its idempotency key is the caller's own, else the name of
 * the job, so the ledger sells it once however often it runs.
 */
export async function runCall(
  named: string,
  receives: number,
  services: RunningServices,
): Promise<Handled> {
  const claim = await claimCall(named, receives, services)
  if (claim.kind === 'nothing') return 'done'
  if (claim.kind === 'later') return { againAfterMs: claim.afterMs }
  const { call } = claim
  const stopping = new AbortController()
  const stopBeating = beat(call, stopping, services)
  try {
    const response = await answerOf(call, stopping.signal, services)
    stopBeating()
    const { lane, model } = call.order
    if (lane === 'heavy' && response.status < 400) {
      await services.warmth.keep(model, services.warmMs).catch(services.onFailure)
    }
    return await conclude(call, response, services)
  } finally {
    stopBeating()
  }
}

async function answerOf(
  call: DeferredCall,
  signal: AbortSignal,
  services: RunningServices,
): Promise<HttpResponse> {
  const { caller, request, model } = call.order
  const { bodyKey, sentBytes, ...stored } = request
  const asked: HttpRequest = {
    ...stored,
    headers: { 'idempotency-key': call.id, ...stored.headers },
    ...(sentBytes !== undefined && { sentBytes }),
    body: new Uint8Array(),
    signal,
    deferred: { caller: () => services.callerNow(caller, call.createdAt), model },
  }
  if (call.mishaps >= mostMishaps) {
    return services.encodeError(asked, new ServiceError('job_given_up'))
  }
  const object = await services.objects.head(bodyKey)
  if (!object) return services.encodeError(asked, new ServiceError('object_gone'))
  const body = await readAll(services.objects.read(object))
  const { stream, ...response } = await services.endpoint({ ...asked, body })
  if (!stream) return response
  try {
    return { ...response, body: await readUnlessStopped(stream, signal) }
  } catch (thrown) {
    return services.encodeError(asked, ServiceError.from(thrown))
  }
}

/** All of a stream. @throws the reason of the signal, where that has called it off */
async function readUnlessStopped(
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const pieces = stream[Symbol.asyncIterator]()
  let stopped: Promise<unknown> | undefined
  const stop = () => {
    stopped = pieces.throw?.(signal.reason)
    // It is looked at once the stream has ended.
    stopped?.catch(() => undefined)
  }
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  const body = await readAll({ [Symbol.asyncIterator]: () => pieces })
  await stopped
  return body
}

/** Says now and then that the run goes on, and hears soon that it should not. */
function beat(
  { id, run }: DeferredCall,
  stopping: AbortController,
  services: RunningServices,
): () => void {
  const isMine = (call: DeferredCall | undefined) => call?.run?.fence === run?.fence
  const renew = () => {
    const leaseUntil = services.now() + leaseMs
    return changeCall(id, services, (call) =>
      call.run && isMine(call) ? { run: { ...call.run, leaseUntil } } : undefined,
    )
  }
  const hear = async () => {
    const call = await services.calls.find(id)
    if (isMine(call) && call?.cancelAskedAt === undefined) return
    stopping.abort(new ServiceError('deadline_exceeded', { detail: 'The job was called off.' }))
  }
  const timers = [
    setInterval(() => void renew().catch(services.onFailure), leaseMs / 4),
    setInterval(() => void hear().catch(services.onFailure), hearEveryMs),
  ]
  return () => timers.forEach(clearInterval)
}

async function conclude(
  call: DeferredCall,
  response: HttpResponse,
  services: RunningServices,
): Promise<Handled> {
  const { status, headers } = response
  if (headers['x-should-retry'] === 'true') {
    // Busy, or over a limit: not now. Everything else that may pass has gone wrong here.
    const isRefusal = status < 500 || status === 503
    const mishaps = call.mishaps + (isRefusal ? 0 : 1)
    if (mishaps < mostMishaps && call.attempts < mostAttempts) {
      const againAfterMs = pauseMs(call, headers['retry-after'], services.random)
      return requeueCall(call, { mishaps, againAfterMs }, services)
    }
  }
  return finishCall(call, response, services)
}

/** Doubled with every attempt, up to a minute, and never less than was asked for. */
function pauseMs(
  { attempts }: DeferredCall,
  retryAfter: string | undefined,
  random: () => number,
): number {
  const backoffMs = Math.min(60_000, 1_000 * 2 ** (attempts - 1))
  const askedMs = Math.min(3_600_000, Number(retryAfter ?? 0) * 1_000)
  return Math.ceil(Math.max(askedMs, backoffMs) * (1 + random() / 4))
}
