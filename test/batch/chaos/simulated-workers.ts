import type { Handled, Stage } from '#shared/batch/batch-services.ts'
import { readChunkMessage, readJobMessage } from '#shared/batch/messages.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { sweep } from '#shared/metering/sweep.ts'
import type { Actor } from '#test/simulator/scheduler.ts'
import type { BatchCode } from './batch-code.ts'
import { createLineScorer } from './line-scorer.ts'
import { endMs, type SimulatedWorld } from './simulated-world.ts'

export interface WorkerOptions {
  readonly code: BatchCode
  readonly world: SimulatedWorld
}

const stages = ['plan', 'score', 'publish'] as const

/** Starts a worker for each that died, and does what runs by the clock. */
export async function keepWorkers(actor: Actor, options: WorkerOptions): Promise<void> {
  const { servicesOf, isOver, isFair, newActor, random, scenario, scheduler } = options.world
  const services = servicesOf(actor)
  const reconcile = options.code.createReconciler(services)
  const alive: Actor[] = []
  for (let second = 0; !isOver() && second * 1_000 < endMs; second += 10) {
    for (let node = 0; node < scenario.workers; node += 1) {
      if (alive[node]?.alive) continue
      const worker = newActor('w', node, scenario.weather.crash)
      alive[node] = worker
      // The weather clears up: those who come now stay.
      if (isFair()) Object.assign(worker, { crashRate: 0 })
      scheduler.start(worker, random.integer(0, 1_000), () => work(worker, options))
    }
    if (isFair()) for (const worker of alive) Object.assign(worker, { crashRate: 0 })
    if (second % 60 === 0) {
      await reconcile().catch(unlessUnavailable)
      await sweep({ ledger: services.ledger, now: services.now, creditGraceMs: 1e12 }).catch(
        unlessUnavailable,
      )
    }
    await scheduler.pause(actor, 10_000)
  }
}

/** As `consume` does it, one message at a time. */
async function work(actor: Actor, options: WorkerOptions): Promise<void> {
  const { servicesOf, isOver, random, scenario, scheduler, log } = options.world
  const services = servicesOf(actor)
  let idleMs = 500
  while (!isOver()) {
    const stage = random.pick(stages)
    const queue = services.queues[stage]
    try {
      const { visibilityMs } = scenario
      const [delivery] = await queue.receive({ limit: 1, visibilityMs })
      if (!delivery) {
        // Ever longer, as long as there is nothing.
        idleMs = Math.min(8_000, 2 * idleMs)
        await scheduler.pause(actor, random.integer(idleMs / 10, idleMs))
        continue
      }
      idleMs = 500
      log(actor.name, () => `takes ${stage} ${delivery.body} (${delivery.receives})`)
      const handled = await handle(
        stage,
        delivery.body,
        delivery.receives,
        actor,
        // A run that is told at once that its time is over leaves the rest to others.
        random.chance(0.3) ? { ...services, until: 0 } : services,
        options,
      )
      if (handled === 'done') await queue.remove(delivery)
      else await queue.hide(delivery, handled.againAfterMs)
    } catch (thrown) {
      if (!(thrown instanceof ServiceError)) throw thrown
      log(actor.name, () => `FAILS ${thrown.code}`)
      await scheduler.pause(actor, 1_000)
    }
  }
}

async function handle(
  stage: Stage,
  body: string,
  receives: number,
  actor: Actor,
  services: PublishingServices,
  { code, world }: WorkerOptions,
): Promise<Handled> {
  if (stage === 'plan') return code.planJob(readJobMessage(body).job, receives, services)
  if (stage === 'publish') return code.publishJob(readJobMessage(body).job, receives, services)
  const { scheduler, random, scenario, state, isFair, log } = world
  const scorer = createLineScorer({
    pause: () => scheduler.pause(actor, random.integer(0, isFair() ? 5 : scenario.weather.modelMs)),
    onScored(place) {
      state.runs += 1
      log(actor.name, () => `SCORED ${place}`)
    },
  })
  const scoring = { ...services, scorer, cpuClass: 'simulated' }
  return code.scoreChunk(readChunkMessage(body), receives, scoring)
}

function unlessUnavailable(thrown: unknown): void {
  if (!(thrown instanceof ServiceError)) throw thrown
}
