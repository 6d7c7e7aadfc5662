import { expect, test } from 'vitest'
import { countOf, expectWhole, tellOf } from './expect-whole.ts'
import { irisRows } from './iris-rows.ts'
import { type ChaosReport, runChaos } from './run-chaos.ts'

// A modest part of the proof; `npm run prove` is the whole of it.
const runs = Number(process.env.PERCALL_BATCH_RUNS ?? 10)
const rows = Number(process.env.PERCALL_BATCH_ROWS ?? 2_000)
/** Runs this one alone. */
const seed = process.env.PERCALL_BATCH_SEED
const timeout = 60_000 + runs * (60_000 + rows)

test('gives the same bytes whatever the chunks, the concurrency, the faults and the deaths', {
  timeout,
}, async () => {
  const reports: ChaosReport[] = []
  const seeds = seed ? [Number(seed)] : Array.from({ length: runs }, (_, index) => index + 1)
  for (const each of seeds) {
    const report = await runChaos(each, irisRows(rows))
    expectWhole(report, { rows, outputs: reports[0]?.outputs })
    reports.push(report)
  }
  tellOf(reports, rows)
  if (!seed)
    expect(countOf(reports, 'kills') + countOf(reports, 'scorersKilled')).toBeGreaterThan(0)
})
