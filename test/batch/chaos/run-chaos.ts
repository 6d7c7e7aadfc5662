import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Job } from '#shared/batch/job.ts'
import { hasEnded, progressOf } from '#shared/batch/job-progress.ts'
import { createRandom } from '#test/simulator/random.ts'
import { openLocalBatch } from '../local-batch.ts'
import type { WorkerOrders } from './worker-child.ts'

const child = fileURLToPath(new URL('./worker-child.ts', import.meta.url))

export interface ChaosReport {
  readonly seed: number
  readonly job: Job
  /** Name and SHA-256 of each output but the manifest, which names the job. */
  readonly outputs: readonly string[]
  /** What was seen that must not be. */
  readonly breaches: readonly string[]
  readonly concurrency: number
  /** Operations of stores that failed: some of them after a chunk had run. */
  readonly faults: number
  readonly kills: number
  readonly scorersKilled: number
  readonly chunks: number
  /** Chunks that were scored again. */
  readonly runsAgain: number
  readonly seconds: number
}

export interface ChaosPlace {
  /** Where the stores are, if not on this machine. */
  readonly variables?: Readonly<Record<string, string>>
  /** Of messages, where the queue goes by its own clock. */
  readonly visibilityMs?: number
}

/**
 * One file through processes that are killed, on stores that fail: everything is drawn by the seed
 * but the moment at which a signal arrives.
 */
export async function runChaos(
  seed: number,
  input: string | Uint8Array,
  { variables = {}, visibilityMs }: ChaosPlace = {},
): Promise<ChaosReport> {
  const random = createRandom(seed)
  const began = performance.now()
  const home = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'percall-chaos-'))
  const batch = await openLocalBatch({ home, idle: true, variables })
  const orders: WorkerOrders = {
    home,
    seed,
    chunkBytes: drawChunkBytes(input.length, seed),
    concurrency: random.integer(1, 32),
    fault: random.pick([0, 0.01, 0.03]),
    aheadMs: 0,
    variables,
    visibilityMs,
  }
  const witness = createWitness()
  let kills = 0
  let scorersKilled = 0
  let scorerKills = 0
  let workers: ChildProcess[] = []

  async function startWorkers(): Promise<void> {
    workers = Array.from({ length: random.integer(1, 2) }, (_, index) => {
      // The clock of those who come next says that the leases of the dead are over.
      const told = { ...orders, seed: seed * 100 + 10 * kills + index, aheadMs: kills * 61_000 }
      return spawn(process.execPath, [child, JSON.stringify(told)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
    })
    for (const worker of workers) worker.stdout?.on('data', (said) => witness.hear(String(said)))
    await Promise.all(workers.map((worker) => worker.stdout && once(worker.stdout, 'data')))
  }
  async function killWorkers(): Promise<void> {
    for (const worker of workers) worker.kill('SIGKILL')
    await Promise.all(
      workers.map((worker) => worker.exitCode ?? worker.signalCode ?? once(worker, 'close')),
    )
  }

  try {
    const { id } = await batch.order({ model: 'iris' }, input)
    const lives = random.integer(1, 3)
    await startWorkers()
    // 20 MB of a million rows may take half an hour beside other work.
    const deadline = performance.now() + 600_000 + input.length / 15
    // Where in the job it happens: half of the moments before the first chunk is done.
    let nextKill = random.chance(0.5) ? 0 : random.next()
    for (;;) {
      // A server that shares the machine with all of this may not answer in time.
      const job = await batch.services.jobs.find(id).catch(() => undefined)
      if (performance.now() > deadline) throw new Error(`Seed ${seed} does not end.`)
      if (!job) continue
      await witness.look(job, batch.services)
      if (hasEnded(job)) break
      if (
        job.chunks > 0 &&
        kills + scorerKills < lives - 1 &&
        job.done.chunks / job.chunks >= nextKill
      ) {
        await wait(random.integer(0, 300))
        if (random.chance(0.3)) {
          scorersKilled += killScorers(workers)
          scorerKills += 1
        } else {
          await killWorkers()
          kills += 1
          await startWorkers()
        }
        nextKill = Math.max(nextKill, random.next())
      }
      await wait(20)
    }
    await killWorkers()
    const job = await batch.services.jobs.find(id)
    if (!job) throw new Error('The job is gone.')
    const breaches = (await auditJob(job, batch.services)).map(
      ({ rule, detail }) => `${rule}: ${detail}`,
    )
    return {
      seed,
      job,
      outputs: job.outputs.flatMap(({ name, sha256 }) =>
        name === 'manifest' ? [] : `${name} ${sha256}`,
      ),
      breaches: [...witness.breaches, ...breaches],
      concurrency: orders.concurrency,
      faults: witness.faults,
      kills,
      scorersKilled,
      chunks: job.chunks,
      runsAgain: witness.runs - job.chunks,
      seconds: (performance.now() - began) / 1_000,
    }
  } finally {
    await killWorkers()
    await batch.close()
    rmSync(home, { recursive: true, force: true })
  }
}

/** From some hundred chunks of a few records to one; by turns, so that few runs see all sizes. */
function drawChunkBytes(inputBytes: number, seed: number): number {
  const shares = [1, 0.4, 0.1, 0.03, 0.01]
  return Math.ceil(inputBytes * (shares[seed % shares.length] ?? 1))
}

/** Of the workers' own children: each of them scores one chunk at a time. */
function killScorers(workers: readonly ChildProcess[]): number {
  const pids = new Set(workers.map(({ pid }) => String(pid)))
  let killed = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]
      if (!pids.has(String(parent))) continue
      process.kill(Number(pid), 'SIGKILL')
      killed += 1
    } catch {
      // It has ended by itself meanwhile.
    }
  }
  return killed
}

/** Sees what a customer sees, again and again. */
function createWitness() {
  const breaches: string[] = []
  let last: Job | undefined
  let runs = 0
  let faults = 0
  return {
    breaches,
    get runs() {
      return runs
    },
    get faults() {
      return faults
    },
    hear(said: string): void {
      const lines = said.split('\n')
      runs += lines.filter((line) => line.startsWith('ran ')).length
      faults += lines.filter((line) => line === 'fault').length
    },
    async look(
      job: Job,
      { objects }: Awaited<ReturnType<typeof openLocalBatch>>['services'],
    ): Promise<void> {
      if (last && progressOf(job, 0).percent < progressOf(last, 0).percent) breaches.push('B7')
      if (last && job.done.results < last.done.results) breaches.push('B7')
      last = job
      const manifest = await objects.head(`${job.order.output.prefix}_SUCCESS`)
      const results = await objects.head(`${job.order.output.prefix}results.jsonl`)
      if (manifest && !results) breaches.push('B10: a manifest without results')
      if (results && job.done.chunks < job.chunks) breaches.push('B10: results before the end')
    },
  }
}
