import { join } from 'node:path'
import { interleave } from './harness/interleave.ts'
import { runNode } from './harness/node-process.ts'
import type { Row } from './harness/report.ts'
import { type Statistics, statistics } from './harness/statistics.ts'
import type { BatchJobOptions, BatchJobTimes } from './processes/batch-job.ts'

interface Loop {
  readonly perSecond: number
  readonly cpuMs: number
  readonly records: number
}

export interface JobTold {
  readonly cold: BatchJobTimes
  readonly warm: BatchJobTimes
}

interface Subject {
  readonly model: string
  readonly what: string
  /** Some seconds of work on one CPU: what a job costs however small it is shall not count. */
  readonly records: number
  /** How many records a run of the plain script takes, where there is one. */
  readonly script?: number
  /** Whether it is measured on two CPUs, too. */
  readonly both?: boolean
}

const subjects: readonly Subject[] = [
  { model: 'iris', what: 'CSV, 4 numbers', records: 400_000, script: 256 },
  { model: 'language-id', what: 'JSONL, texts', records: 80_000, both: true },
  { model: 'spam', what: 'JSONL, texts', records: 60_000, script: 32, both: true },
  { model: 'fashion', what: 'JSONL, PNG', records: 25_000 },
  { model: 'transformer', what: 'JSONL, 128 tokens', records: 240, both: true },
  { model: 'text-recognition', what: 'JSONL, PNG of a line', records: 120, both: true },
]

const file = (name: string) => join(import.meta.dirname, `processes/batch-${name}.ts`)
const cpusOf = (size: number) => Array.from({ length: size }, (_, cpu) => cpu).join()

export const runJob = (options: BatchJobOptions, cpus?: string): Promise<JobTold> =>
  runNode<JobTold>({ file: file('job'), args: [JSON.stringify(options)], cpus })

/** Rows a second of a whole job, against a bare loop of the model on the same CPUs. */
export async function batchRates(rounds: number): Promise<Row[]> {
  const rows: Row[] = []
  for (const subject of subjects) rows.push(...(await rate(subject, rounds)))
  return rows
}

async function rate(subject: Subject, rounds: number): Promise<Row[]> {
  const { model, what, script } = subject
  const best = await loop('bare', [model, 100, 0], '0')
  // Where no two rows may share a run, larger runs give something else.
  const size = best.proven === 1 ? 1 : best.size
  const found = await interleave<Samples>(
    {
      bare: bare(model, size, 1),
      bareBest: size === best.size ? nothing : bare(model, best.size, 1),
      job: job(subject, 1),
      bare2: subject.both ? bare(model, size, 2) : nothing,
      job2: subject.both ? job(subject, 2) : nothing,
      plain: script ? plain(subject, 1) : nothing,
      plainBatches: script ? plain(subject, script) : nothing,
    },
    rounds,
  )
  const { records } = subject
  const parts = await runNode<Parts>({
    file: file('split'),
    args: [model, `${Math.ceil(records / 4)}`],
    cpus: '0',
  })
  const millionRows = (name: string, all: readonly (Loop | undefined)[]): Row => ({
    what: `${model}: CPU time of a million rows, ${name}`,
    unit: 's',
    value: statistics(all.flatMap((one) => (one ? (one.cpuMs * 1_000) / one.records : []))),
  })
  return [
    ...compare(`${model}, ${what}, 1 CPU`, size, found.bare, found.job),
    ...(size === best.size
      ? []
      : [perSecond(`${model}, 1 CPU: bare, ${best.size} rows a run`, found.bareBest)]),
    ...(subject.both ? compare(`${model}, 2 CPUs`, size, found.bare2, found.job2) : []),
    ...(script
      ? [
          perSecond(`${model}, 1 CPU: plain script, a row a run`, found.plain),
          perSecond(`${model}, 1 CPU: plain script, ${script} rows a run`, found.plainBatches),
          millionRows(`plain script, ${script} rows a run`, found.plainBatches),
        ]
      : []),
    millionRows('bare', found.bare),
    millionRows('whole job', found.job),
    restOf(model, parts, found.job),
  ]
}

interface Samples {
  readonly bare: Loop
  readonly bareBest: Loop | undefined
  readonly job: Loop
  readonly bare2: Loop | undefined
  readonly job2: Loop | undefined
  readonly plain: Loop | undefined
  readonly plainBatches: Loop | undefined
}

const nothing = async () => undefined

const loop = (name: string, args: readonly (string | number)[], cpus: string) =>
  runNode<Loop & { readonly size: number; readonly proven: number }>({
    file: file(name),
    args: args.map(String),
    cpus,
  })

/** As many loops at the same time as there are CPUs for them, taken together. */
const bare = (model: string, size: number, processes: number) => async (): Promise<Loop> => {
  const all = await Promise.all(
    Array.from({ length: processes }, () => loop('bare', [model, 800, size], cpusOf(processes))),
  )
  const sum = (of: (one: Loop) => number) => all.reduce((total, one) => total + of(one), 0)
  return {
    perSecond: sum((one) => one.perSecond),
    cpuMs: sum((one) => one.cpuMs),
    records: sum((one) => one.records),
  }
}

const job =
  ({ model, records }: Subject, processes: number) =>
  async (): Promise<Loop> => {
    const warmUpRecords = Math.ceil(records / 10)
    const { warm } = await runJob(
      { model, records: records * processes, warmUpRecords, size: processes },
      cpusOf(processes),
    )
    return { ...warm, cpuMs: warm.hostCpuMs + warm.scoringCpuMs }
  }

const plain =
  ({ model, records }: Subject, rowsOfRun: number) =>
  () =>
    loop('plain', [model, Math.ceil(records / 2), rowsOfRun], '0')

function compare(
  where: string,
  size: number,
  bare: readonly (Loop | undefined)[],
  jobs: readonly (Loop | undefined)[],
): Row[] {
  const shares = jobs.map((one, at) => (100 * (one?.perSecond ?? 0)) / (bare[at]?.perSecond ?? 0))
  return [
    perSecond(`${where}: bare \`session.run\`, ${size} rows a run`, bare),
    perSecond(`${where}: whole job`, jobs),
    { what: `${where}: whole job ÷ bare`, unit: '%', value: most(shares), atLeast: 90 },
  ]
}

const partNames = {
  parse: 'parsed',
  take: 'checked',
  prepare: 'made a tensor',
  run: 'run',
  write: 'interpreted and written',
} as const
type Parts = Record<keyof typeof partNames, number>

/** Where a row's CPU time goes; what is left is that of processes that talk, parts, ledger, outputs. */
function restOf(model: string, parts: Parts, jobs: readonly Loop[]): Row {
  const names = Object.keys(partNames) as (keyof Parts)[]
  const known = names.reduce((sum, name) => sum + parts[name], 0)
  const text = names.map((name) => `${partNames[name]} ${round(parts[name])}`)
  return {
    what: `${model}: CPU time of a row beside that of being ${text.join(', ')} µs`,
    unit: 'µs',
    value: statistics(jobs.map(({ cpuMs, records }) => (cpuMs * 1_000) / records - known)),
  }
}

const round = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(2))

const perSecond = (what: string, all: readonly (Loop | undefined)[]): Row => ({
  what,
  unit: 'rows/s',
  value: most(all.flatMap((one) => one?.perSecond ?? [])),
})

/** More is better: best and p90 are those of the other end. */
function most(values: readonly number[]): Statistics {
  const { median, best, p90 } = statistics(values.map((value) => -value))
  return { median: -median, best: -best, p90: -p90 }
}
