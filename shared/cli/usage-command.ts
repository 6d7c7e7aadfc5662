import { type Command, Option } from 'commander'
import type { Bucket, ReportRow, UsageGroup } from '#shared/account/usage-report.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { formatTable } from './format-table.ts'
import { readMoment } from './read-amount.ts'
import { sparkline } from './sparkline.ts'
import { tenantOption } from './tenant-option.ts'
import { isTerminal, outColors, print, printJson } from './terminal.ts'

interface UsageOptions extends PlaceOptions {
  readonly tenant: string
  readonly from?: number
  readonly to?: number
  readonly bucket: Bucket
  readonly groupBy: readonly UsageGroup[]
  readonly json?: boolean
}

/** So many buckets fit into a line. */
const longestLine = 60
const defaultBuckets = { '1m': 60, '1h': 24, '1d': 30 } as const

/** `percall usage`: what was called, by model and time. */
export function usageCommand(program: Command): void {
  const bucket = new Option('--bucket <size>', 'minutes, hours or days')
    .choices(['1m', '1h', '1d'])
    .default('1h')
  const groups = new Option('--group-by <words...>', 'what to tell apart')
    .choices(['model', 'key', 'project', 'status'])
    .default(['model', 'status'])
  const command = program
    .command('usage')
    .description('what was called, what came of it and what it cost')
    .addOption(tenantOption('whose calls'))
    .option('--from <time>', 'from this day or moment', readMoment)
    .option('--to <time>', 'to this day or moment, which is left out', readMoment)
    .addOption(bucket)
    .addOption(groups)
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall usage                                    the last 24 hours
  $ percall usage --bucket 1d --group-by key model   the last 30 days
  $ percall usage --from 2026-11-01 --to 2026-12-01 --bucket 1d --json`,
    )
    .action(usage)
}

async function usage(options: UsageOptions): Promise<void> {
  const [{ withLedger }, { usageReport, bucketsMs }, { accountAnswers }, { formatMicros }] =
    await Promise.all([
      import('./with-ledger.ts'),
      import('#shared/account/usage-report.ts'),
      import('#shared/protocols/account-answers.ts'),
      import('#shared/metering/money.ts'),
    ])
  const { tenant, bucket, groupBy } = options
  const step = bucketsMs[bucket]
  const to = options.to ?? Math.floor(Date.now() / step) * step + step
  const from = options.from ?? to - defaultBuckets[bucket] * step
  const rows = await withLedger(commandEnvironment(options), (ledger) =>
    usageReport(ledger, { tenant, from, to, bucket, groupBy }),
  )
  if (options.json) return printJson({ data: rows.map(accountAnswers.usage) })
  if (rows.length === 0) return print('No calls in this time.')
  const line = lineOf(rows, from, to, step)
  if (isTerminal(process.stdout)) print(`calls  ${outColors.cyan(line)}  ${bucket} each\n`)
  print(usageTable(rows, groupBy, formatMicros))
}

function lineOf(rows: readonly ReportRow[], from: number, to: number, step: number): string {
  const first = Math.floor(from / step)
  const counts = Array<number>(Math.ceil(to / step) - first).fill(0)
  for (const { start, calls } of rows) {
    const at = start / step - first
    counts[at] = (counts[at] ?? 0) + calls
  }
  return sparkline(counts.slice(-longestLine))
}

/** One row a group, over the whole time. */
function usageTable(
  rows: readonly ReportRow[],
  groupBy: readonly UsageGroup[],
  money: (amount: bigint) => string,
): string {
  const totals = new Map<string, { words: string[]; calls: number; rows: number; amount: bigint }>()
  for (const { group, calls, units, amount } of rows) {
    const words = groupBy.map((name) => group[name] ?? '–')
    const key = JSON.stringify(words)
    const before = totals.get(key) ?? { words, calls: 0, rows: 0, amount: 0n }
    totals.set(key, {
      words,
      calls: before.calls + calls,
      rows: before.rows + units.rows,
      amount: before.amount + amount,
    })
  }
  return formatTable(
    [...groupBy, 'calls', 'rows', 'amount'],
    [...totals.values()].map((total) => [
      ...total.words,
      String(total.calls),
      String(total.rows),
      money(total.amount),
    ]),
  )
}
