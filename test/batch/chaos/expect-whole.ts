import { expect } from 'vitest'
import type { ChaosReport } from './run-chaos.ts'

/** A job that came through chaos: every record once, each success charged once, the bytes of all others. */
export function expectWhole(
  { seed, job, breaches, kills, chunks, runsAgain, concurrency, faults, outputs }: ChaosReport,
  expected: { readonly rows: number; readonly outputs: readonly string[] | undefined },
): void {
  const about = `seed ${seed}: PERCALL_BATCH_SEED=${seed} runs it again`
  const { rows } = expected
  expect(breaches, about).toEqual([])
  expect(job.state, about).toBe('published')
  const errors = Math.floor((rows + 57) / 100)
  expect(job.done, about).toMatchObject({ chunks, results: rows - errors, errors })
  expect(job.done.charge, about).toBe(BigInt(rows - errors) * 100n)
  if (expected.outputs) expect(outputs, about).toEqual(expected.outputs)
  // Only what was under way can be lost: a chunk a scoring process of two machines.
  expect(runsAgain, about).toBeLessThanOrEqual(kills * 2 * Math.min(2, concurrency) + faults)
}

export const countOf = (
  reports: readonly ChaosReport[],
  name: 'kills' | 'scorersKilled' | 'faults' | 'chunks' | 'runsAgain' | 'seconds',
): number => reports.reduce((total, report) => total + report[name], 0)

export function tellOf(reports: readonly ChaosReport[], rows: number, where = ''): void {
  const sum = (name: Parameters<typeof countOf>[1]) => countOf(reports, name).toFixed(0)
  process.stdout.write(
    `${reports.length} runs of ${rows} rows${where}: ${sum('kills')} times all workers were killed, ` +
      `${sum('scorersKilled')} scoring processes beside, ${sum('faults')} operations failed, ` +
      `${sum('runsAgain')} of ${sum('chunks')} chunks ran again, ${sum('seconds')} s; ` +
      `${reports[0]?.outputs.join(', ')}\n`,
  )
}
