import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { deadlineExceeded } from './deadline-exceeded.ts'
import { createGroupSizes, type GroupSizes } from './group-sizes.ts'
import { type InferResult, modelKey, type Prediction } from './model.ts'
import type { CallOptions, ModelRunner, ReadArtifact } from './model-runner.ts'
import type { RunnerWorker, StartRunnerWorker } from './runner-worker.ts'
import { createWaitingCalls, type WaitingCall } from './waiting-calls.ts'
import { type Answer, revivedError, type Work } from './worker-messages.ts'
import { createWorkerPool } from './worker-pool.ts'

export interface PooledRunnerOptions {
  readArtifact: ReadArtifact
  /** Workers that run models; one a CPU is best (each session then has one thread of its own). */
  size: number
  /** How many models each worker keeps loaded. */
  limit?: number | undefined
  /** Calls that may wait for a free worker. */
  queueLength?: number | undefined
  /** Says how many calls that wait share a run, where so many may. */
  groupSizes?: ((mostCalls: number) => GroupSizes) | undefined
}

/** A run that began late has so long past its caller's deadline, where it can be stopped. */
const graceMs = 500
/** What is tried first has a quarter of the time that is left, but no less than this. */
const shortestTryMs = 250

/**
 * Runs models in workers, so that the event loop stays free: health checks, deadlines and other calls
 * go on during a long run. A free worker takes the next call, and with it of those that wait and may
 * share its run as many as pay.
 *
 * What a shared run does not survive, in time or in one piece, is run again call by call, so that the
 * fault of one is its own. A deadline is answered on time and counts the wait; its worker is killed
 * where that can be done, else replaced. While too many of those linger, new calls are refused.
 */
export function pooledRunner(
  startWorker: StartRunnerWorker,
  {
    readArtifact,
    size,
    limit = 16,
    queueLength = 256,
    groupSizes = createGroupSizes,
  }: PooledRunnerOptions,
): ModelRunner {
  const waiting = createWaitingCalls({ groupSizes })
  const pool = createWorkerPool({
    start: (onExit) => startWorker({ readArtifact, modelLimit: limit, onExit }),
    size,
    modelLimit: limit,
    onFree: dispatch,
  })
  let closed = false
  let isDue = false

  function dispatch(): void {
    while (!closed && waiting.next) {
      const { free } = pool
      const worker = pool.acquire(waiting.next.entry)
      if (!worker) return
      // Half of what it gets: it may take longer than it is thought to.
      const calls = waiting.take(free, tryMs([waiting.next]) / 2)
      void perform(worker, calls)
    }
  }

  /** What comes in the same turn may share a run. */
  function dispatchSoon(): void {
    if (isDue) return
    isDue = true
    queueMicrotask(() => {
      isDue = false
      dispatch()
    })
  }

  /** Once all is closed nobody would take them. */
  function tryAgain(calls: readonly WaitingCall[], place: 'first' | 'last'): void {
    if (closed) refuse(calls)
    else waiting.putBack(calls, place)
  }

  async function perform(worker: RunnerWorker, calls: readonly WaitingCall[]): Promise<void> {
    const [first] = calls as [WaitingCall]
    const { entry, done } = first
    const isFirst = !worker.entries.has(modelKey(entry))
    const isTry = calls.length > 1 || (first.tries === 1 && worker.canBeKilled)
    const startedAt = performance.now()
    let isGivenUp = false
    const giveUp = (): void => {
      isGivenUp = true
      pool.giveUp(worker)
      dispatch()
    }
    for (const call of calls) {
      call.endRun = () => {
        if (worker.canBeKilled && !isGivenUp && !calls.some(({ isOpen }) => isOpen)) giveUp()
      }
    }
    const timer = setTimeout(
      () => {
        if (isTry) tryAgain(calls, calls.length > 1 ? 'first' : 'last')
        else done.reject(deadlineExceeded(entry))
        giveUp()
      },
      isTry ? tryMs(calls) : runMs(first, worker),
    )
    try {
      const answers = await worker.run(
        entry,
        calls.map(({ work }) => work),
      )
      if (isGivenUp) return
      for (const [at, call] of calls.entries()) settle(call, answers[at] as Answer)
      // The first run of a model had to wait for it.
      if (!isFirst) waiting.learn(calls, performance.now() - startedAt)
    } catch (thrown) {
      if (isGivenUp) return
      if (calls.length > 1) tryAgain(calls, 'first')
      else done.reject(thrown)
    } finally {
      clearTimeout(timer)
    }
    pool.release(worker)
    dispatch()
  }

  const call = async (
    entry: ModelEntry,
    work: Work,
    { signal }: CallOptions = {},
  ): Promise<unknown> => {
    if (closed || waiting.size >= queueLength + pool.free || pool.lingering >= size * 2) {
      throw new ServiceError('overloaded', { model: modelKey(entry), retryAfterSeconds: 1 })
    }
    const { timeoutMs } = entry.manifest.limits
    const done = Promise.withResolvers<unknown>()
    const deadline = performance.now() + timeoutMs
    const one: WaitingCall = { entry, work, deadline, done, tries: 0, isOpen: true }
    const timer = setTimeout(() => {
      waiting.remove(one)
      done.reject(deadlineExceeded(entry))
    }, timeoutMs)
    const leave = () => {
      // What runs already is answered and paid, whoever reads it, unless it is called off.
      const order = signal?.reason instanceof ServiceError ? signal.reason : undefined
      if (!waiting.remove(one) && !order) return
      one.isOpen = false
      done.reject(order ?? callerGone(entry))
      one.endRun?.()
    }
    signal?.addEventListener('abort', leave, { once: true })
    waiting.add(one)
    if (signal?.aborted) leave()
    else dispatchSoon()
    try {
      return await done.promise
    } finally {
      one.isOpen = false
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
    }
  }

  return {
    predict: (entry, request, options) =>
      call(entry, { kind: 'predict', request }, options) as Promise<Prediction>,
    infer: (entry, request, options) =>
      call(entry, { kind: 'infer', request }, options) as Promise<InferResult>,
    load: async (entry) => void (await call(entry, { kind: 'load' })),
    ready: async (entry) => void (await call(entry, { kind: 'ready' })),
    async close() {
      dispatch()
      closed = true
      refuse(waiting.takeAll())
      await pool.close()
    },
  }
}

function settle({ done }: WaitingCall, answer: Answer): void {
  if (answer.ok) done.resolve(answer.result)
  else done.reject(revivedError(answer.error))
}

function refuse(calls: readonly WaitingCall[]): void {
  for (const { done } of calls) done.reject(new ServiceError('overloaded'))
}

const callerGone = (entry: ModelEntry) =>
  new ServiceError('deadline_exceeded', {
    model: modelKey(entry),
    detail: 'The caller has gone.',
  })

const leftMs = ({ deadline }: WaitingCall): number => Math.max(deadline - performance.now(), 0)

/** How long something is tried that may be tried again in another way. */
const tryMs = (calls: readonly WaitingCall[]): number =>
  Math.max(Math.min(...calls.map(leftMs)) / 4, shortestTryMs)

/** How long a single run may take until its worker is given up. */
function runMs(call: WaitingCall, { canBeKilled }: RunnerWorker): number {
  const { timeoutMs } = call.entry.manifest.limits
  // A thread that began late has all of the model's time: to replace it costs more than the run.
  return canBeKilled ? Math.min(timeoutMs, leftMs(call) + graceMs) : timeoutMs
}
