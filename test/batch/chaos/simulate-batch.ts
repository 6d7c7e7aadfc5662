import type { BatchServices, Handled, Stage } from '#shared/batch/batch-services.ts'
import type { Job } from '#shared/batch/job.ts'
import { hasEnded } from '#shared/batch/job-progress.ts'
import { readChunkMessage, readJobMessage } from '#shared/batch/messages.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { createMeter } from '#shared/metering/metered-call.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { sweep } from '#shared/metering/sweep.ts'
import { createMemoryLedger } from '#test/metering/memory-ledger.ts'
import { createRandom } from '#test/simulator/random.ts'
import { type Actor, createScheduler } from '#test/simulator/scheduler.ts'
import { type Around, aroundPort } from './around-port.ts'
import { type BatchCode, realBatchCode } from './batch-code.ts'
import { type BatchScenario, drawScenario, fairWeather } from './batch-scenario.ts'
import { createBatchWitness, type Violation } from './batch-witness.ts'
import { createLineScorer } from './line-scorer.ts'
import { createMemoryJobStore } from './memory-job-store.ts'
import { createMemoryObjectStore } from './memory-object-store.ts'
import { createMemoryQueue } from './memory-queue.ts'

/** One thing that happens once: at so many awaits of workers, or operations of their stores. */
export interface Mishap {
  readonly kind: 'death' | 'lost' | 'unheard'
  readonly at: number
}

export interface SimulateBatchOptions {
  readonly code?: BatchCode
  readonly scenario?: BatchScenario
  readonly mishap?: Mishap | undefined
  /** Receives the schedule line by line. */
  readonly trace?: string[] | undefined
}

export interface BatchOutcome {
  readonly violations: readonly Violation[]
  readonly job: Job | undefined
  /** Of workers, and of their operations: as far as a mishap can be planned. */
  readonly awaits: number
  readonly calls: number
  /** How often chunks were scored. */
  readonly runs: number
  readonly deaths: number
}

export const start = Date.UTC(2026, 10, 23)
export const pricePerRecord = 100n
const stages = ['plan', 'score', 'publish'] as const
/** From then on nothing fails any more: what has not ended at the end of time never will. */
const fairAfterMs = 20 * 60_000
const endMs = 4 * 60 * 60_000

const modelsFolder = new URL('../../../models/', import.meta.url).pathname
const catalog = createCatalog(readModels(modelsFolder, { parse: parseManifest }))
const prices = readPriceBook(`${modelsFolder}price-book.json`)

/** One job from its file to its end, through whatever the seed says: the same each time. */
export async function simulateBatch(
  seed: number,
  { code = realBatchCode, scenario = drawScenario(seed), mishap, trace }: SimulateBatchOptions = {},
): Promise<BatchOutcome> {
  const { weather, event, input } = scenario
  const random = createRandom(seed + 1_000_000)
  const mishaps = { planned: mishap, awaits: 0, calls: 0 }
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
  const isOver = () => now() - start > endMs || (untold === 0 && witness.isOver())
  const isFair = () => now() - start > fairAfterMs
  const objects = createMemoryObjectStore({ now, onPut: witness.onPut })
  const jobs = createMemoryJobStore({ now, onChange: witness.onChange })
  const pick = (count: number) => random.integer(0, Math.max(0, count - 1))
  const newQueue = () => createMemoryQueue({ now, pick, maxReceives: 20 })
  const queues = { plan: newQueue(), score: newQueue(), publish: newQueue() }
  const ledger = createMemoryLedger()
  let mayBegin = true
  const byHand = event.kind === 'cap' || event.kind === 'expire'
  const tellings = Math.max(byHand ? 1 : 0, scenario.tellings)
  let untold = tellings
  let names = 0
  let actors = 0
  let runs = 0

  function newActor(prefix: string, node: number, crashRate = 0): Actor {
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
      mayBegin: async () => mayBegin,
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

  async function handle(
    stage: Stage,
    body: string,
    receives: number,
    actor: Actor,
    services: PublishingServices,
  ): Promise<Handled> {
    if (stage === 'plan') return code.planJob(readJobMessage(body).job, services)
    if (stage === 'publish') return code.publishJob(readJobMessage(body).job, services)
    const scorer = createLineScorer({
      pause: () => scheduler.pause(actor, random.integer(0, isFair() ? 5 : 2 * weather.delayMs)),
      onScored(place) {
        runs += 1
        log(actor.name, () => `SCORED ${place}`)
      },
    })
    const scoring = { ...services, scorer, cpuClass: 'simulated' }
    return code.scoreChunk(readChunkMessage(body), receives, scoring)
  }

  /** As `consume` does it, one message at a time. */
  async function work(actor: Actor): Promise<void> {
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
        const handled = await handle(stage, delivery.body, delivery.receives, actor, services)
        if (handled === 'done') await queue.remove(delivery)
        else await queue.hide(delivery, handled.againAfterMs)
      } catch (thrown) {
        if (!(thrown instanceof ServiceError)) throw thrown
        log(actor.name, () => `FAILS ${thrown.code}`)
        await scheduler.pause(actor, 1_000)
      }
    }
  }

  /** Starts a worker for each that died, and does what runs by the clock. */
  async function keep(actor: Actor): Promise<void> {
    const services = servicesOf(actor)
    const reconcile = code.createReconciler(services)
    const alive: Actor[] = []
    for (let second = 0; !isOver() && second * 1_000 < endMs; second += 10) {
      for (let node = 0; node < scenario.workers; node += 1) {
        if (alive[node]?.alive) continue
        const worker = newActor('w', node, weather.crash)
        alive[node] = worker
        // The weather clears up: those who come now stay.
        if (isFair()) Object.assign(worker, { crashRate: 0 })
        scheduler.start(worker, random.integer(0, 1_000), () => work(worker))
      }
      if (isFair()) for (const worker of alive) Object.assign(worker, { crashRate: 0 })
      if (second % 60 === 0) {
        await reconcile().catch(mindful)
        await sweep({ ledger: services.ledger, now: services.now, creditGraceMs: 1e12 }).catch(
          mindful,
        )
      }
      await scheduler.pause(actor, 10_000)
    }
  }

  const mindful = (thrown: unknown) => {
    if (!(thrown instanceof ServiceError)) throw thrown
  }

  /** Asks until it is told. */
  async function surely<Outcome>(actor: Actor, ask: () => Promise<Outcome>): Promise<Outcome> {
    for (;;) {
      try {
        return await ask()
      } catch (thrown) {
        if (!(thrown instanceof ServiceError)) throw thrown
        if (thrown.code !== 'store_unavailable') throw thrown
        await scheduler.pause(actor, 1_000)
      }
    }
  }

  /** At some time, or when so many chunks are done: then most can go wrong. */
  async function waitForEvent(actor: Actor): Promise<void> {
    const { eventAfterChunks = 0 } = scenario
    await scheduler.pause(actor, eventAfterChunks > 0 ? 0 : scenario.eventMs)
    for (let waits = 0; waits < 2_000 && witness.chunksDone() < eventAfterChunks; waits += 1) {
      await scheduler.pause(actor, 100)
    }
    if (eventAfterChunks > 0) await scheduler.pause(actor, random.integer(0, weather.delayMs))
  }

  /** The customer, who orders and changes his mind. */
  async function live(actor: Actor): Promise<void> {
    const services = servicesOf(actor)
    await waitForEvent(actor)
    const job = await surely(
      actor,
      async () => (await services.jobs.list({ tenant: 'acme', limit: 1 })).jobs[0],
    )
    log(actor.name, () => `EVENT ${event.kind}`)
    if (event.kind === 'cancel' && job) await surely(actor, () => code.cancelJob(job, services))
    if (event.kind === 'overwrite') await objects.put(key, Buffer.from('"other"\n'))
    if (event.kind === 'remove') await objects.remove(key)
    if (event.kind === 'revoke') mayBegin = false
    for (let tries = 0; !isOver() && tries * 60_000 < endMs; tries += 1) {
      await scheduler.pause(actor, 60_000)
      const [current] = (
        await surely(actor, () => services.jobs.list({ tenant: 'acme', limit: 1 }))
      ).jobs
      mayBegin = true
      if (current?.state !== 'paused') continue
      if (event.kind === 'credit')
        await surely(actor, () => ledger.post(topUp(`later-${tries}`, 10_000n, now())))
      // Nothing helps a job whose own cap is too small: that one is cancelled in the end.
      const ends = event.kind === 'cap' && tries > 5
      const manage = ends ? code.cancelJob : code.resumeJob
      await surely(actor, () => manage(current, services)).catch((thrown) => {
        if (!(thrown instanceof ServiceError) || thrown.code !== 'job_not_paused') throw thrown
      })
    }
  }

  const key = byHand ? 'uploads/acme/input.jsonl' : 'incoming/acme/iris/input.jsonl'
  await ledger.putAccount({
    tenant: 'acme',
    currency: 'USD',
    mode: event.kind === 'credit' ? 'prepaid' : 'postpaid',
    limits: {},
  })
  if (event.kind === 'credit' && event.records > 0) {
    await ledger.post(topUp('first', BigInt(event.records) * pricePerRecord, start))
  }
  await objects.put(key, Buffer.from(input))
  const object = await objects.head(key)
  for (let telling = 0; telling < tellings; telling += 1) {
    const actor = newActor('e', -1)
    scheduler.start(actor, random.integer(0, telling === 0 ? 0 : 60_000), async () => {
      const services = servicesOf(actor)
      if (!byHand) await surely(actor, () => code.receiveObject(key, services))
      else if (object) {
        await surely(actor, () =>
          code.orderJob(
            {
              tenant: 'acme',
              keyId: 'k',
              project: undefined,
              parties: [],
              free: false,
              input: { kind: 'object', object, format: 'auto' },
              model: 'iris',
              parameters: {},
              records: { kind: 'input' },
              output: { format: 'jsonl', join: false },
              maxCharge: event.kind === 'cap' ? BigInt(event.records) * pricePerRecord : undefined,
              expiresAt: event.kind === 'expire' ? start + scenario.eventMs : undefined,
              identity: ['incoming', key, object.version],
            },
            services,
          ),
        )
      }
      untold -= 1
    })
  }
  const keeper = newActor('k', -1)
  scheduler.start(keeper, 0, () => keep(keeper))
  const customer = newActor('c', -1)
  scheduler.start(customer, 0, () => live(customer))
  await scheduler.run()

  await sweep({ ledger, now: () => now() + 86_400_000, creditGraceMs: 1e12 })
  const services = servicesOf({ ...newActor('a', -1) })
  const { jobs: all } = await jobs.list({ tenant: 'acme', limit: 10 })
  await witness.checkEnd(all, { ...services, objects, jobs, ledger })
  const deaths = actors - 3
  return {
    violations: witness.violations,
    job: all[0],
    awaits: mishaps.awaits,
    calls: mishaps.calls,
    runs,
    deaths,
  }
}

export const wholeScenario = (changes: Partial<BatchScenario> = {}): BatchScenario => ({
  seed: 1,
  input: '"one"\nnope\n"three"\n\n5\n"six"',
  chunkBytes: 12,
  workers: 1,
  skewsMs: [0],
  visibilityMs: 60_000,
  tellings: 1,
  event: { kind: 'none' },
  eventMs: 0,
  weather: fairWeather,
  ...changes,
})

const topUp = (id: string, amount: bigint, at: number) => ({
  tenant: 'acme',
  id,
  type: 'topup' as const,
  amount,
  currency: 'USD' as const,
  at,
  sale: undefined,
  units: {},
  reference: undefined,
  creditExpiresAt: undefined,
})
