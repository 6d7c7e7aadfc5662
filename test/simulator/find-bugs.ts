import { Worker } from 'node:worker_threads'
export interface BugReport {
  readonly name: string
  /** How many schedules it took; absent where it was not found. */
  readonly schedules: number | undefined
  /** Which rule was broken. */
  readonly rule: string | undefined
}

const moneyWorker = new URL('./bug-worker.ts', import.meta.url)

/**
 * Runs the seeds from 1 on against every bug, until one shows it.
 * @param worker what is sent a bug, and answers with its report
 */
export async function findBugs(
  bugs: readonly object[],
  { worker: program = moneyWorker, workers = 2 }: { worker?: URL; workers?: number } = {},
): Promise<BugReport[]> {
  const reports: BugReport[] = []
  let next = 0

  async function work(): Promise<void> {
    const worker = new Worker(program, { execArgv: [] })
    try {
      for (let index = next++; index < bugs.length; index = next++) {
        reports[index] = await new Promise<BugReport>((resolve, reject) => {
          worker.removeAllListeners().once('message', resolve).once('error', reject)
          worker.postMessage(bugs[index])
        })
      }
    } finally {
      await worker.terminate()
    }
  }

  await Promise.all(Array.from({ length: workers }, work))
  return reports
}

export function bugTable(reports: readonly BugReport[]): string {
  const found = reports.filter(({ rule }) => rule !== undefined)
  const lines = reports.map(
    ({ name, schedules, rule }) => `| ${name} | ${schedules ?? 'not found'} | ${rule ?? ''} |`,
  )
  return [
    '| bug | schedules until found | rule |',
    '|---|---|---|',
    ...lines,
    '',
    `Score: ${found.length} of ${reports.length}.`,
  ].join('\n')
}
