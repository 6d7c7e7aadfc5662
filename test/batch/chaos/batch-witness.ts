import { createHash } from 'node:crypto'
import { auditJob } from '#shared/batch/audit-job.ts'
import type { Job, JobState } from '#shared/batch/job.ts'
import { hasEnded } from '#shared/batch/job-progress.ts'
import type { StoredObject } from '#shared/batch/object-store.ts'
import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { readAll } from '#shared/batch/read-all.ts'
import type { BatchScenario } from './batch-scenario.ts'
import { expectedOutputs } from './line-input.ts'

export interface Violation {
  readonly rule: string
  readonly detail: string
}

export const pricePerRecord = 100n

/** Where a job may go from each state. */
const ways: Readonly<Record<JobState, readonly JobState[]>> = {
  planning: ['scoring', 'failed', 'cancelling', 'expiring'],
  scoring: ['paused', 'publishing', 'cancelling', 'expiring'],
  paused: ['scoring', 'publishing', 'cancelling', 'expiring'],
  publishing: ['published', 'failing'],
  cancelling: ['cancelled', 'failing'],
  expiring: ['expired', 'failing'],
  failing: ['failed'],
  published: [],
  cancelled: [],
  expired: [],
  failed: [],
}

/** Looks at everything that anybody can see, at the moment from which on he can. */
export function createBatchWitness({
  scenario,
  log,
}: {
  readonly scenario: BatchScenario
  readonly log: (what: string) => void
}) {
  const { event } = scenario
  const expected = expectedOutputs(scenario.input)
  const violations: Violation[] = []
  const seen = new Map<string, Job>()
  const visible = new Map<string, string>()

  function report(rule: string, detail: string): void {
    log(`${rule}: ${detail}`)
    violations.push({ rule, detail })
  }

  function checkManifest(bytes: Buffer): void {
    const { outputs } = JSON.parse(bytes.toString()) as {
      outputs: { key: string; sha256: string }[]
    }
    for (const { key, sha256 } of outputs) {
      if (visible.get(key) !== sha256) report('B10', `${key} is announced and not there.`)
    }
  }

  /** Results and errors of those records that are there must be what was expected of them. */
  function checkLines(name: 'results' | 'errors', lines: readonly string[], job: Job): void {
    const count = name === 'results' ? job.done.results : job.done.errors
    if (lines.length !== count) report('B1', `${lines.length} ${name}, and ${count} were counted.`)
    const known = new Set(expected[name])
    const strange = lines.find((line) => !known.has(line))
    if (strange !== undefined && !canBeGone) report('B2', `an output holds ${strange}`)
    if (job.state !== 'published' || canBeGone) return
    if (lines.join('\n') !== expected[name].join('\n')) report('B2', `other ${name}: ${lines}`)
  }

  const canBeGone = event.kind === 'overwrite' || event.kind === 'remove'

  /** Whoever reads the outputs trusts the manifest alone. */
  async function checkCounts(job: Job, { objects }: PublishingServices): Promise<void> {
    const object = await objects.head(`${job.order.output.prefix}_SUCCESS`)
    const told = object && JSON.parse((await readAll(objects.read(object))).toString())
    const { results, errors, charge } = job.done
    const isTold = told?.results === results && told.errors === errors
    if (!isTold || told.charge_micros !== String(charge)) report('B12', 'The manifest miscounts.')
  }

  async function checkBooks(job: Job, services: PublishingServices): Promise<void> {
    const account = await services.ledger.account('acme')
    if (account?.held !== 0n) report('B3', `${account?.held} is still held.`)
    const price = BigInt(job.done.results) * pricePerRecord
    if (account?.spent !== price || job.done.charge !== price) {
      report('B3', `${account?.spent} spent, ${job.done.charge} told, for ${job.done.results}.`)
    }
    if (event.kind === 'cap' && price > BigInt(event.records) * pricePerRecord)
      report('B11', `spent ${price}`)
  }

  /** Nobody pays for what he does not get; what was sold for it is still told. */
  async function checkRefunds(job: Job, services: PublishingServices): Promise<void> {
    for (const { rule, detail } of await auditJob(job, services)) report(rule, detail)
    const { entries } = await services.ledger.entries({
      tenant: 'acme',
      types: ['refund'],
      limit: 1_000,
    })
    const refunded = entries.reduce((sum, { amount }) => sum + amount, 0n)
    const account = await services.ledger.account('acme')
    if (account?.held !== 0n) report('B3', `${account?.held} is still held.`)
    if (account?.spent !== refunded) report('B3', `${account?.spent} spent, ${refunded} refunded.`)
  }

  return {
    violations,
    report,
    chunksDone: () => Math.max(0, ...[...seen.values()].map(({ done }) => done.chunks)),
    /** Every job that there is has ended. */
    isOver: () => seen.size > 0 && [...seen.values()].every(hasEnded),

    onChange(job: Job): void {
      log(`job is ${job.state} ${job.done.chunks}/${job.chunks}`)
      const before = seen.get(job.id)
      seen.set(job.id, job)
      if (!before) return
      if (before.state !== job.state && !ways[before.state].includes(job.state)) {
        report('B7', `from ${before.state} to ${job.state}`)
      }
      for (const name of ['chunks', 'bytes', 'results', 'errors'] as const) {
        if (job.done[name] < before.done[name]) report('B7', `${name} went back.`)
      }
      if (job.chunks > 0 && job.done.chunks > job.chunks)
        report('B1', 'More chunks than there are.')
      if (hasEnded(job) && job.state !== 'failed') {
        const manifest = job.outputs.find((output) => output.name === 'manifest')
        if (!manifest || visible.get(manifest.key) !== manifest.sha256) {
          report('B10', 'It has ended, and its manifest is not there.')
        }
      }
      if (job.state === 'published' && job.done.chunks !== job.chunks)
        report('B1', 'Not all chunks.')
      if (hasEnded(before) && before.done.chunks !== job.done.chunks) {
        report('B9', 'A chunk was counted after the end.')
      }
    },

    onPut({ key }: StoredObject, bytes: Buffer): void {
      // A note that a file was refused is no output: the next one of that name has its own.
      if (!key.startsWith('outgoing/') || key.endsWith('.refused.json')) return
      if (visible.has(key)) report('B10', `${key} was written again.`)
      visible.set(key, createHash('sha256').update(bytes).digest('hex'))
      if (key.endsWith('_SUCCESS')) checkManifest(bytes)
    },

    async checkEnd(jobs: readonly Job[], services: PublishingServices): Promise<void> {
      const isReplaced = event.kind === 'overwrite' || event.kind === 'remove'
      if (jobs.length !== 1 && !isReplaced) report('B4', `${jobs.length} jobs`)
      for (const job of jobs) {
        if (!hasEnded(job)) report('end', `The job is ${job.state} for ever.`)
        if (job.state === 'failed' && !isReplaced && event.kind !== 'lose')
          report('end', `failed: ${JSON.stringify(job.problems)}`)
        if (job.state === 'failed') {
          if (jobs.length === 1) await checkRefunds(job, services)
          continue
        }
        for (const { rule, detail } of await auditJob(job, services)) report(rule, detail)
        for (const name of ['results', 'errors'] as const) {
          const output = job.outputs.find((one) => one.name === name)
          const object = output && (await services.objects.head(output.key))
          const text = object ? (await readAll(services.objects.read(object))).toString() : ''
          if (jobs.length === 1) checkLines(name, text.split('\n').filter(Boolean), job)
        }
        await checkCounts(job, services)
        if (jobs.length === 1) await checkBooks(job, services)
      }
      const ended = jobs[0]
      const must = { none: 'published', revoke: 'published', credit: 'published' } as const
      const state = must[event.kind as keyof typeof must]
      if (ended && state && hasEnded(ended) && ended.state !== state) report('end', ended.state)
    },
  }
}
