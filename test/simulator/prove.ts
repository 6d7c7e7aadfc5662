import { parseArgs } from 'node:util'
import { bugTable, findBugs } from './find-bugs.ts'
import { plantedBugs } from './planted-bugs.ts'
import { runSchedules } from './run-schedules.ts'
import { runSeed, type Target } from './run-seed.ts'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '10000000' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    target: { type: 'string', default: 'memory' },
    /** Runs this one alone and prints what happens in it. */
    seed: { type: 'string' },
    /** Finds the planted bugs instead. */
    bugs: { type: 'boolean', default: false },
  },
})

const target: Target = values.target === 'sqlite' ? 'sqlite' : 'memory'
const whole = (value: number) => Math.round(value).toLocaleString('en')
const print = (text: string) => void process.stdout.write(`${text}\n`)

if (values.seed !== undefined) await replay(Number(values.seed))
else if (values.bugs) await findPlantedBugs()
else await prove(Number(values.schedules))

async function findPlantedBugs(): Promise<void> {
  const reports = await findBugs(plantedBugs)
  print(bugTable(reports))
  if (reports.some(({ rule }) => rule === undefined)) process.exitCode = 1
}

async function replay(seed: number): Promise<void> {
  const trace: string[] = []
  const violations = await runSeed(seed, { target, trace })
  print(trace.join('\n'))
  for (const { rule, detail } of violations) print(`VIOLATED ${rule}: ${detail}`)
  print(`seed ${seed}: ${violations.length} violations`)
  if (violations.length > 0) process.exitCode = 1
}

async function prove(schedules: number): Promise<void> {
  const started = performance.now()
  let shownAt = started
  const { failures, events, ...report } = await runSchedules({
    schedules,
    from: Number(values.from),
    workers: Number(values.workers),
    target,
    onProgress(done) {
      const time = performance.now()
      if (time - shownAt < 5_000) return
      shownAt = time
      const perSecond = (done / (time - started)) * 1_000
      const left = (schedules - done) / perSecond
      print(`${whole(done)} schedules, ${whole(perSecond)} a second, ${whole(left)} s left`)
    },
  })
  print(
    [...events]
      .sort()
      .map(([event, count]) => `  ${event}: ${whole(count)}`)
      .join('\n'),
  )
  for (const { seed, rule, detail } of failures) print(`seed ${seed} VIOLATED ${rule}: ${detail}`)
  print(
    `${target}: ${whole(report.schedules)} schedules in ${report.seconds.toFixed(1)} s ` +
      `(${whole(report.schedules / report.seconds)} a second), ${failures.length} failed`,
  )
  const [first] = failures
  if (!first) return
  process.exitCode = 1
  await replay(first.seed)
}
