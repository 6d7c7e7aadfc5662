import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { consume } from '#shared/batch/consume.ts'
import { readChunkMessage, readJobMessage } from '#shared/batch/messages.ts'
import { planJob } from '#shared/batch/plan-job.ts'
import { publishJob } from '#shared/batch/publish-job.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { scoreChunk } from '#shared/batch/score-chunk.ts'
import type { Scorer } from '#shared/batch/scorer.ts'
import { cpuClass } from '#shared/batch/scoring/cpu-class.ts'
import { createProcessScorer } from '#shared/batch/scoring/process-scorer.ts'
import { createCatalog } from '#shared/catalog/catalog.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { readEnvironment } from '#shared/config/environment.ts'
import { openBatch } from '#shared/endpoints/open-batch.ts'
import { openKeyStore } from '#shared/endpoints/open-key-store.ts'
import { openLedger } from '#shared/endpoints/open-ledger.ts'
import { scoreProgram } from '#shared/endpoints/score-program.ts'
import { readPriceBook } from '#shared/metering/read-price-book.ts'
import { createRandom } from '#test/simulator/random.ts'
import { faultyBatch } from './faulty-batch.ts'

/** What a worker process is told. It works until it is killed. */
export interface WorkerOrders {
  readonly home: string
  readonly seed: number
  readonly chunkBytes: number
  readonly concurrency: number
  /** Share of store operations that fail. */
  readonly fault: number
  /** The clock of this machine is so far ahead: leases of those killed before it are over. */
  readonly aheadMs: number
  /** Where the stores are, if not in the home. */
  readonly variables: Readonly<Record<string, string>>
  /** Of messages; a queue with a clock of its own does not know that the dead are dead. */
  readonly visibilityMs?: number | undefined
}

const orders = JSON.parse(process.argv[2] ?? '{}') as WorkerOrders
const random = createRandom(orders.seed)
const trueNow = Date.now
Date.now = () => trueNow() + orders.aheadMs

const models = new URL('../../../models/', import.meta.url).pathname
const environment = readEnvironment({
  ...process.env,
  PERCALL_HOME: orders.home,
  ...orders.variables,
})
const catalog = createCatalog(readModels(models, { parse: parseManifest }))
const ledger = await openLedger(environment)
const keyStore = await openKeyStore(environment)
const prices = readPriceBook(join(models, 'price-book.json'))
const opened = await openBatch(environment, { ledger, prices, catalog, keyStore })
const services = {
  ...faultyBatch(opened, random, {
    share: orders.fault,
    onFault: () => process.stdout.write('fault\n'),
  }),
  chunkSizes: { bytes: () => orders.chunkBytes, parquetRows: 100, listBytes: 1_000 },
}
const scorer = createProcessScorer({
  program: scoreProgram,
  readArtifact: async ({ folder, manifest }) =>
    new Uint8Array(readFileSync(join(folder, manifest.artifact.file ?? ''))),
  size: Math.min(2, orders.concurrency),
  memoryLimitBytes: 1_000_000_000,
  codeCache: join(orders.home, 'code'),
  onDeath: () => process.stdout.write('scoring died\n'),
})
const scoring = {
  ...services,
  cpuClass: cpuClass(),
  scorer: {
    ...scorer,
    async open(work) {
      const opened = await scorer.open(work)
      return {
        ...opened,
        async score() {
          const scored = await opened.score()
          process.stdout.write(`ran ${work.range.start}\n`)
          return scored
        },
      }
    },
  } satisfies Scorer,
}

// What the stores do here is meant; anything else shows as a job that never ends.
const onFailure = () => undefined
const { visibilityMs } = orders
const { plan, score, publish } = services.queues
consume({
  queue: plan,
  concurrency: 2,
  onFailure,
  ...(visibilityMs && { visibilityMs }),
  handle: (body, receives) => planJob(readJobMessage(body).job, receives, services),
})
consume({
  queue: score,
  concurrency: orders.concurrency,
  onFailure,
  ...(visibilityMs && { visibilityMs }),
  handle: (body, receives) => scoreChunk(readChunkMessage(body), receives, scoring),
})
consume({
  queue: publish,
  concurrency: 2,
  onFailure,
  ...(visibilityMs && { visibilityMs }),
  handle: (body, receives) => publishJob(readJobMessage(body).job, receives, services),
})
const reconcile = createReconciler(services, { quietMs: 2_000 })
setInterval(() => void reconcile().catch(onFailure), 500)
process.stdout.write('works\n')
