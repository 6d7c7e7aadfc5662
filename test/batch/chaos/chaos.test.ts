import { expect, test } from 'vitest'
import { irisRows } from './iris-rows.ts'
import { type ChaosReport, runChaos } from './run-chaos.ts'

// A modest part of the proof; `npm run prove` is the whole of it.
const runs = Number(process.env.PERCALL_BATCH_RUNS ?? 10)
const rows = Number(process.env.PERCALL_BATCH_ROWS ?? 2_000)
/** Runs this one alone. */
const seed = process.env.PERCALL_BATCH_SEED
const timeout = 60_000 + runs * (30_000 + rows / 10)

test('gives the same bytes whatever the chunks, the concurrency, the faults and the deaths', {
  timeout,
}, async () => {
  const input = irisRows(rows)
  const reports: ChaosReport[] = []
  const seeds = seed ? [Number(seed)] : Array.from({ length: runs }, (_, index) => index + 1)
  for (const each of seeds) {
    const report = await runChaos(each, input)
    reports.push(report)
    const { job, breaches, kills, chunks, runsAgain, concurrency } = report
    const about = `seed ${each}: PERCALL_BATCH_SEED=${each} runs it again`
    expect(breaches, about).toEqual([])
    expect(job.state, about).toBe('published')
    const errors = Math.floor((rows + 57) / 100)
    expect(job.done, about).toMatchObject({ chunks, results: rows - errors, errors })
    expect(job.done.charge, about).toBe(BigInt(rows - errors) * 100n)
    expect(report.outputs, about).toEqual(reports[0]?.outputs)
    // Only what was under way can be lost: a chunk a scoring process of two machines.
    expect(runsAgain, about).toBeLessThanOrEqual(
      kills * 2 * Math.min(2, concurrency) + report.faults,
    )
  }
  const sum = (count: (report: ChaosReport) => number) =>
    reports.reduce((total, report) => total + count(report), 0)
  process.stdout.write(
    `${reports.length} runs of ${rows} rows: ${sum(({ kills }) => kills)} times all workers were killed, ` +
      `${sum(({ scorersKilled }) => scorersKilled)} scoring processes beside, ` +
      `${sum(({ runsAgain }) => runsAgain)} of ${sum(({ chunks }) => chunks)} chunks ran again, ` +
      `${sum(({ seconds }) => seconds).toFixed(0)} s; ${reports[0]?.outputs.join(', ')}\n`,
  )
  if (!seed) expect(sum(({ kills, scorersKilled }) => kills + scorersKilled)).toBeGreaterThan(0)
})
