import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runJob } from './batch-rates.ts'
import { interleave } from './harness/interleave.ts'
import { milliseconds } from './harness/milliseconds.ts'
import { runNode, serveNode } from './harness/node-process.ts'
import type { Row } from './harness/report.ts'
import { statistics } from './harness/statistics.ts'
import type { BatchJobTimes } from './processes/batch-job.ts'

interface Resumed {
  readonly done: number
  readonly chunks: number
  readonly nextMs: number
}

/** What a chunk costs beside its rows, and what a killed host does. */
export async function batchChunks(rounds: number): Promise<Row[]> {
  // The same rows in few chunks and in many: what it takes more is the chunks'.
  const job = (chunkBytes: number) => async () =>
    (await runJob({ model: 'iris', records: 10_000, warmUpRecords: 5_000, size: 1, chunkBytes }))
      .warm
  const first = (model: string, records: number) => () =>
    runJob({ model, records, warmUpRecords: records, size: 2 })
  const found = await interleave(
    {
      few: job(16_000),
      many: job(1_600),
      texts: first('language-id', 10_000),
      heavy: first('transformer', 60),
      resumed: resume,
    },
    rounds,
  )
  const perChunk = (of: (times: BatchJobTimes) => number) =>
    statistics(
      found.many.map((many, at) => {
        const few = found.few[at] ?? many
        return (of(many) - of(few)) / (many.chunks - few.chunks)
      }),
    )
  const row = (what: string, of: (times: BatchJobTimes) => number) =>
    milliseconds(`a chunk adds: ${what}`, perChunk(of))
  const firstResult = (what: string, values: readonly number[]): Row => ({
    ...milliseconds(`first chunk settled after the order, ${what}`, statistics(values)),
    atMost: 2_000,
  })
  return [
    row('time of the job, one process', (times) => (times.records * 1_000) / times.perSecond),
    row('CPU time', (times) => times.hostCpuMs + times.scoringCpuMs),
    row('plan', ({ planMs }) => planMs),
    row('waiting for the ledger', ({ waitedMs }) => waitedMs.ledger),
    row('waiting for the part', ({ waitedMs }) => waitedMs.objects),
    row('waiting for the job store', ({ waitedMs }) => waitedMs.jobs),
    row('publish', ({ publishMs }) => publishMs),
    firstResult(
      'language-id, cold',
      found.texts.map(({ cold }) => cold.firstMs),
    ),
    firstResult(
      'language-id, warm',
      found.texts.map(({ warm }) => warm.firstMs),
    ),
    firstResult(
      'transformer, cold',
      found.heavy.map(({ cold }) => cold.firstMs),
    ),
    firstResult(
      'transformer, warm',
      found.heavy.map(({ warm }) => warm.firstMs),
    ),
    milliseconds(
      'host killed in the middle: next chunk settled after a new start',
      statistics(found.resumed.map(({ nextMs }) => nextMs)),
    ),
  ]
}

async function resume(): Promise<Resumed> {
  const file = join(import.meta.dirname, 'processes/batch-resume.ts')
  const home = mkdtempSync(join(tmpdir(), 'percall-resume-'))
  try {
    const { child, stop } = await serveNode({ file, args: ['begin', home] })
    child.kill('SIGKILL')
    await stop()
    return await runNode<Resumed>({ file, args: ['resume', home] })
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}
