import type { ChunkReport } from '#shared/batch/chunk.ts'
import type { Job } from '#shared/batch/job.ts'
import { hasEnded } from '#shared/batch/job-progress.ts'
import type { JobStore } from '#shared/batch/job-store.ts'
import { markSlot, toMarks } from '#shared/batch/progress-marks.ts'
import { ServiceError } from '#shared/errors/service-error.ts'

/** The rules of the port as code: what a schedule without disks and networks runs on. */
export function createMemoryJobStore({
  now = Date.now,
  onChange = () => undefined,
}: {
  readonly now?: () => number
  /** Told of every job as it stands from now on. */
  readonly onChange?: (job: Job) => void
} = {}): JobStore {
  const jobs = new Map<string, Job>()
  const chunks = new Map<string, Map<number, ChunkReport>>()
  const marks = new Map<string, Map<number, [at: number, bytes: number]>>()

  function mark(id: string, slot: number, told: [at: number, bytes: number]) {
    const slots = marks.get(id) ?? new Map<number, [at: number, bytes: number]>()
    marks.set(id, slots.set(slot, told))
    return toMarks([...slots.values()])
  }

  function store(job: Job): Job {
    jobs.set(job.id, job)
    onChange(job)
    return job
  }

  return {
    async create(job) {
      if (jobs.has(job.id)) return 'exists'
      store(structuredClone(job))
      return 'created'
    },

    find: async (id) => jobs.get(id),

    async list({ tenant, after, limit, kind }) {
      const all = [...jobs.values()]
        .filter(({ order }) => order.tenant === tenant)
        .sort((one, other) => (comesLater(one, other) ? -1 : 1))
      const last = after === undefined ? undefined : all.find(({ id }) => id === after)
      if (after !== undefined && !last) return { jobs: [], more: false }
      const found = all
        .filter((job) => !last || comesLater(last, job))
        .filter(({ order }) => kind === undefined || order.records.kind === kind)
      return { jobs: found.slice(0, limit), more: found.length > limit }
    },

    async change(id, from, { at, ...changes }) {
      const job = jobs.get(id)
      if (!job || !from.includes(job.state)) return undefined
      const times = changes.state ? { [changes.state]: at, ...job.times } : job.times
      return store({ ...job, ...structuredClone(changes), times, changedAt: at })
    },

    async finishChunk(id, report) {
      const job = jobs.get(id)
      if (!job) throw new ServiceError('store_unavailable')
      const reports = chunks.get(id) ?? new Map<number, ChunkReport>()
      chunks.set(id, reports)
      if (reports.has(report.chunk)) return job
      reports.set(report.chunk, structuredClone(report))
      const { done } = job
      const changedAt = now()
      return store({
        ...job,
        changedAt,
        marks: mark(id, markSlot(report.chunk), [changedAt, done.bytes + report.bytes]),
        done: {
          chunks: done.chunks + 1,
          bytes: done.bytes + report.bytes,
          results: done.results + report.results,
          errors: done.errors + report.errors,
          charge: done.charge + BigInt(report.charge),
        },
      })
    },

    reports: async (id, first, limit) =>
      [...(chunks.get(id)?.values() ?? [])]
        .filter(({ chunk }) => chunk >= first)
        .sort((one, other) => one.chunk - other.chunk)
        .slice(0, limit),

    unfinished: async (limit) =>
      [...jobs.values()]
        .filter((job) => !hasEnded(job))
        .sort((one, other) => one.changedAt - other.changedAt)
        .slice(0, limit),

    close: async () => undefined,
  }
}

/** Newest first, and those of one moment by their names. */
const comesLater = (one: Job, other: Job) =>
  one.createdAt === other.createdAt ? one.id > other.id : one.createdAt > other.createdAt
