import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { batch } from './batch.ts'
import { batching } from './batching.ts'
import { coldStart } from './cold-start.ts'
import { generation } from './generation.ts'
import { formatReports } from './harness/format-reports.ts'
import { hardware } from './harness/hardware.ts'
import type { Measure, Report } from './harness/report.ts'
import { memory } from './memory.ts'
import { metering } from './metering.ts'
import { packageSize } from './package-size.ts'
import { timerLag } from './timer-lag.ts'
import { warmCall } from './warm-call.ts'

const measurements: Readonly<Record<string, Measure>> = {
  'cold-start': coldStart,
  'warm-call': warmCall,
  'timer-lag': timerLag,
  metering,
  batch,
  batching,
  generation,
  memory,
  'package-size': packageSize,
}

const help = `Measures percall against its bars and prints a table; figures never fail it.

  npm run bench                       everything, about six minutes
  npm run bench -- --only cold-start  one of: ${Object.keys(measurements).join(', ')}
  npm run bench -- --samples 21       more rounds (default 11)
  npm run bench -- --write            puts the table into test/bench/README.md as well`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    samples: { type: 'string', default: '11' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) console.log(help)
else await main(values)

async function main({ only, samples, write }: typeof values): Promise<void> {
  const names = only === undefined ? Object.keys(measurements) : [only]
  const reports: Report[] = []
  for (const name of names) {
    const measure = measurements[name]
    if (!measure) throw new Error(`There is no measurement "${name}".\n\n${help}`)
    console.error(`${name} …`)
    reports.push(await measure({ samples: Number(samples) }))
  }
  const conditions = `${hardware(new Date())}; ${samples} rounds.`
  const results = [conditions, formatReports(reports)].join('\n\n')
  console.log(results)
  if (write) writeResults(results)
}

/** Between the two markers of the README stands what was measured last. */
function writeResults(results: string): void {
  const file = join(import.meta.dirname, 'README.md')
  const [before, rest = ''] = readFileSync(file, 'utf8').split('<!-- results -->')
  const [, after = ''] = rest.split('<!-- end of results -->')
  const parts = [before, '<!-- results -->', `\n${results}\n`, '<!-- end of results -->', after]
  writeFileSync(file, parts.join(''))
}
