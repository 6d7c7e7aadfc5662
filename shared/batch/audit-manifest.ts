import { isDeepStrictEqual } from 'node:util'
import type { AuditBreach } from './audit-job.ts'
import type { Job } from './job.ts'
import type { ChunkRange } from './plan.ts'
import type { PublishingServices } from './publish-job.ts'
import { readAll } from './read-all.ts'
import { readPlan } from './read-plan.ts'
import { reportsOf } from './send-chunks.ts'

/**
 * The manifest accounts for every byte of the input: what is neither a result nor an error was not
 * scored, or gone before it was read, and it says which ranges those are.
 * @param told the ranges that errors stand for
 */
export async function auditManifest(
  job: Job,
  told: readonly ChunkRange[],
  { jobs, objects }: Pick<PublishingServices, 'jobs' | 'objects'>,
): Promise<AuditBreach[]> {
  const output = job.outputs.find(({ name }) => name === 'manifest')
  const object = output && (await objects.head(output.key))
  // Whoever looks at the outputs reports that it is gone.
  if (!object || job.chunks === 0) return []
  const { chunks } = await readPlan(job.id, objects)
  const scored = new Set<number>()
  const unread: (ChunkRange | undefined)[] = []
  for await (const report of reportsOf(job.id, jobs)) {
    scored.add(report.chunk)
    if (report.unread) unread.push(chunks[report.chunk])
  }
  const manifest = JSON.parse((await readAll(objects.read(object))).toString())
  const says = {
    results: job.done.results,
    errors: job.done.errors,
    charge_micros: String(job.done.charge),
    not_scored: chunks.filter((_, chunk) => !scored.has(chunk)),
    not_read: unread,
  }
  const wrong = Object.entries(says).filter(
    ([name, value]) => !isDeepStrictEqual(manifest[name], value),
  )
  const breaches = wrong.map(([name, value]) => ({
    rule: 'input-covered' as const,
    detail: `The manifest says "${name}" is ${JSON.stringify(manifest[name])}; it is ${JSON.stringify(value)}.`,
  }))
  const ranges = unread.map((range) => ({ start: range?.start, end: range?.end }))
  if (isDeepStrictEqual(ranges, told)) return breaches
  const detail = `Errors stand for ${JSON.stringify(told)}; ${JSON.stringify(ranges)} was not read.`
  return [...breaches, { rule: 'input-covered', detail }]
}
