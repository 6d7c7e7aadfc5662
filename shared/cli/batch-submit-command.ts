import { type Command, Option } from 'commander'
import type { JobAnswer } from './batch-client.ts'
import { type BatchOptions, withBatchOptions, withResultFiles } from './batch-options.ts'
import { readAmount } from './read-amount.ts'
import { print, printJson } from './terminal.ts'
import { withBatchClient } from './with-batch-client.ts'

interface SubmitOptions extends BatchOptions {
  readonly model: string
  readonly format: string
  readonly output?: string
  readonly errors?: string
  readonly outputFormat: string
  readonly outputCompression?: 'gzip' | 'zstd'
  readonly join?: boolean
  readonly column?: string
  readonly cap?: bigint
  readonly dryRun?: boolean
  readonly exact?: boolean
  readonly detach?: boolean
}

/** `percall batch submit`: scores every record of a file. */
export function batchSubmitCommand(batch: Command): void {
  const format = new Option('--format <format>', 'what the file is')
    .choices(['auto', 'jsonl', 'csv', 'tsv', 'parquet'])
    .default('auto')
  const outputFormat = new Option('--output-format <format>', 'what is to come out')
    .choices(['jsonl', 'csv', 'parquet'])
    .default('jsonl')
  const outputCompression = new Option(
    '--output-compression <kind>',
    'pack the results (default: as the name behind --output ends)',
  ).choices(['gzip', 'zstd'])
  const command = batch
    .command('submit')
    .description('score every record of a file')
    .argument(
      '<file>',
      'JSONL, CSV, TSV or Parquet, packed with gzip or zstd or not; or a folder of images',
    )
    .requiredOption('-m, --model <name>', 'which model; with a version or alias as in iris@1')
    .addOption(format)
    .addOption(outputFormat)
    .addOption(outputCompression)
    .option('--join', 'carry the fields of the input along')
    .option('--column <name>', 'the field that holds the input, where it is not plain')
    .option('--cap <amount>', 'pause before it costs more than this', readAmount)
    .option('--dry-run', 'only say how many records there are, and what it would cost')
    .option('--exact', 'with --dry-run: count every record')
    .option('--detach', 'do not wait for the end')
  withBatchOptions(withResultFiles(command))
    .addHelpText(
      'after',
      `
Examples:
  $ percall batch submit mails.jsonl --model spam -o results.jsonl
  $ percall batch submit flowers.csv --model iris --output-format csv --join -o flowers-scored.csv
  $ percall batch submit mails.jsonl.gz --model spam --dry-run
  $ percall batch submit mails.jsonl --model spam -o results.jsonl.zst
  $ percall batch submit photos/ --model faces -o - | head
  $ percall batch submit mails.jsonl --model spam --url http://127.0.0.1:8080 --detach

Every record comes out once and in order, as a result or as an error that names its line.
A job that is left with Ctrl+C goes on with "percall batch watch", or where a server runs.`,
    )
    .action((file: string, options: SubmitOptions) => {
      if (options.exact && !options.dryRun) command.error('error: --exact belongs to --dry-run')
      return submit(file, options)
    })
}

async function submit(file: string, options: SubmitOptions): Promise<void> {
  const [{ checkFile }, { checkTargets }] = await Promise.all([
    import('./batch-client.ts'),
    import('./check-targets.ts'),
  ])
  checkFile(file)
  checkTargets(file, [options.output, options.errors])
  const output_compression = options.outputCompression ?? compressionOf(options)
  const works = !options.dryRun && !options.detach
  await withBatchClient(options, { works }, async (client) => {
    const { input, remove } = await client.upload(file)
    const answer = (await client.post('/v1/batch-jobs', {
      ...input,
      model: options.model,
      format: options.format,
      output_format: options.outputFormat,
      ...(output_compression && { output_compression }),
      join: options.join ?? false,
      parameters: options.column === undefined ? {} : { column: options.column },
      ...(options.cap !== undefined && { max_charge_micros: String(options.cap) }),
      ...(options.dryRun && { dry_run: true, exact: options.exact ?? false }),
    })) as JobAnswer
    if (options.dryRun) {
      await remove()
      return await printEstimate(answer, options)
    }
    const { followBatchJob } = await import('./follow-batch-job.ts')
    await followBatchJob(client, answer, options)
  })
}

/** `results.jsonl.gz` is packed as its name says; Parquet is packed in its own way. */
function compressionOf({ output = '', outputFormat }: SubmitOptions): 'gzip' | 'zstd' | undefined {
  if (outputFormat === 'parquet') return undefined
  if (output.endsWith('.gz')) return 'gzip'
  return output.endsWith('.zst') ? 'zstd' : undefined
}

async function printEstimate(answer: unknown, { json }: SubmitOptions): Promise<void> {
  if (json) return printJson(answer)
  const { money } = await import('./batch-job-text.ts')
  const { model, format, records, price_micros, currency, seconds } = answer as {
    model: string
    format: string
    records: { low: number; high: number }
    price_micros: { low: number; high: number }
    currency: string
    seconds: { low: number; high: number } | null
  }
  const range = (low: string, high: string) => (low === high ? low : `${low} to ${high}`)
  print(
    [
      `${model}, ${format}`,
      `records  ${range(String(records.low), String(records.high))}`,
      `price    ${range(money(price_micros.low), money(price_micros.high))} ${currency}`,
      `time     ${seconds === null ? 'not known before a first job' : `${range(String(seconds.low), String(seconds.high))} s`}`,
    ].join('\n'),
  )
}
