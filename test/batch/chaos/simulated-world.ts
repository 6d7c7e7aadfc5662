import type { BatchServices, Stage } from '#shared/batch/batch-services.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createMeter } from '#shared/metering/metered-call.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { createMemoryLedger } from '#test/metering/memory-ledger.ts'
import { createRandom } from '#test/simulator/random.ts'
import { type Actor, createScheduler } from '#test/simulator/scheduler.ts'
import { type Around, aroundPort } from './around-port.ts'
import type { BatchScenario } from './batch-scenario.ts'
import { createBatchWitness } from './batch-witness.ts'
import { createMemoryJobStore } from './memory-job-store.ts'
import { createMemoryObjectStore } from './memory-object-store.ts'
import { createMemoryQueue } from './memory-queue.ts'

/** One thing that happens once: at so many awaits of workers, or operations of their stores. */
export interface Mishap {
  readonly kind: 'death' | 'lost' | 'unheard'
  readonly at: number
}

export interface SimulatedWorldOptions {
  readonly seed: number
  readonly scenario: BatchScenario
  readonly mishap: Mishap | undefined
  /** Receives the schedule line by line. */
  readonly trace: string[] | undefined
}

export type SimulatedWorld = ReturnType<typeof createSimulatedWorld>

export const start = Date.UTC(2026, 10, 23)
/** From then on nothing fails any more: what has not ended at the end of time never will. */
const fairAfterMs = 20 * 60_000
export const endMs = 4 * 60 * 60_000

const modelsFolder = new URL('../../../models/', import.meta.url).pathname
const catalog = createCatalog(readModels(modelsFolder, { parse: parseManifest }))
const prices = readPriceBook(`${modelsFolder}price-book.json`)

/** Stores in memory, a clock that nobody waits for, and whatever the weather does to both. */
export function createSimulatedWorld({ seed, scenario, mishap, trace }: SimulatedWorldOptions) {
  const { weather } = scenario
  const random = createRandom(seed + 1_000_000)
  const mishaps = { planned: mishap, awaits: 0, calls: 0 }
  const state = { mayBegin: true, untold: 0, runs: 0 }
  const log = (who: string, what: () => string) =>
    trace?.push(`${String(scheduler.now() - start).padStart(8)} ${who} ${what()}`)
  const scheduler = createScheduler({
    random,
    mishaps,
    start,
    log,
    onFailure: (actor, what) => witness.report('crash', `${actor.name}: ${what}`),
  })
  const { now } = scheduler
  const witness = createBatchWitness({ scenario, log: (what) => log('WITNESS', () => what) })
  const isOver = () => now() - start > endMs || (state.untold === 0 && witness.isOver())
  const isFair = () => now() - start > fairAfterMs
  const objects = createMemoryObjectStore({ now, onPut: witness.onPut })
  const jobs = createMemoryJobStore({ now, onChange: witness.onChange })
  const pick = (count: number) => random.integer(0, Math.max(0, count - 1))
  const newQueue = () => createMemoryQueue({ now, pick, maxReceives: 20 })
  const queues = { plan: newQueue(), score: newQueue(), publish: newQueue() }
  const ledger = createMemoryLedger()
  let names = 0
  let actors = 0

  /** Only those on a node can die. */
  function newActor(prefix: string, node = -1, crashRate = 0): Actor {
    actors += 1
    return { name: `${prefix}${actors}`, node, alive: true, crashRate }
  }

  /** Every operation takes its time, may fail before or after its effect, and may be the last. */
  function weatherOf(actor: Actor): Around {
    return async (name, operation) => {
      const pause = () => scheduler.pause(actor, random.integer(0, isFair() ? 5 : weather.delayMs))
      await pause()
      const fate = fateOf(actor)
      if (fate === 'lost') {
        log(actor.name, () => `${name} LOST`)
        throw new ServiceError('store_unavailable')
      }
      const outcome = await operation()
      log(actor.name, () => `${name}${fate === 'unheard' ? ' UNHEARD' : ''}`)
      await pause()
      if (fate === 'unheard') throw new ServiceError('store_unavailable')
      return outcome
    }
  }

  function fateOf(actor: Actor): Mishap['kind'] | undefined {
    if (actor.node >= 0) mishaps.calls += 1
    if (actor.node >= 0 && mishap?.at === mishaps.calls) return mishap.kind
    if (isFair() || !random.chance(weather.fault)) return undefined
    return random.pick(['lost', 'unheard'])
  }

  function servicesOf(actor: Actor): PublishingServices {
    const around = weatherOf(actor)
    const clock = () => now() + (scenario.skewsMs[actor.node] ?? 0)
    const port = <Port extends object>(name: string, port: Port) => aroundPort(name, port, around)
    const books = port('ledger', ledger)
    const queueOf = (stage: Stage) => port(stage, twice(queues[stage]))
    return {
      objects: port('objects', objects),
      jobs: port('jobs', jobs),
      queues: { plan: queueOf('plan'), score: queueOf('score'), publish: queueOf('publish') },
      ledger: books,
      meter: createMeter({
        ledger: books,
        prices,
        now: clock,
        newId: () => `${actor.name}-${++names}`,
        sleep: (ms) => scheduler.pause(actor, ms),
        retentionMs: 90 * 86_400_000,
      }),
      prices,
      catalog,
      mayBegin: async () => state.mayBegin,
      now: clock,
      chunkSizes: { bytes: () => scenario.chunkBytes, parquetRows: 1, listBytes: 1 },
    }
  }

  /** Sends some messages again, at some other time. */
  function twice(queue: BatchServices['queues'][Stage]): typeof queue {
    return {
      ...queue,
      async send(messages) {
        const again = messages.filter(() => random.chance(weather.duplicate))
        const delayMs = random.integer(0, 20_000)
        await queue.send([...messages, ...again.map((message) => ({ ...message, delayMs }))])
      },
    }
  }

  /** Asks until it is told. */
  async function surely<Outcome>(actor: Actor, ask: () => Promise<Outcome>): Promise<Outcome> {
    for (;;) {
      try {
        return await ask()
      } catch (thrown) {
        if (!(thrown instanceof ServiceError) || thrown.code !== 'store_unavailable') throw thrown
        await scheduler.pause(actor, 1_000)
      }
    }
  }

  return {
    scenario,
    random,
    state,
    mishaps,
    scheduler,
    witness,
    /** As they are, without the weather. */
    stores: { objects, jobs, ledger },
    log,
    isOver,
    isFair,
    newActor,
    servicesOf,
    surely,
  }
}
