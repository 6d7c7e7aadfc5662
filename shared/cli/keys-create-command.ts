import { type Command, InvalidArgumentError, Option } from 'commander'
import type { KeyMode } from '#shared/access/api-key.ts'
import { scopes } from '#shared/access/scopes.ts'
import { checkModelOption } from './check-model-option.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { type KeyLimitOptions, limitsOf, withKeyLimits } from './key-limit-options.ts'
import { tenantOption } from './tenant-option.ts'
import { errorColors, note, outColors, print, printJson } from './terminal.ts'

interface CreateOptions extends PlaceOptions, KeyLimitOptions {
  readonly tenant: string
  readonly project?: string
  readonly name: string
  readonly scope: readonly string[]
  readonly mode: KeyMode
  readonly expiresInDays?: number
  readonly json?: boolean
}

/** `percall keys create`: an API key, its text shown this once. */
export function keysCreateCommand(keys: Command): void {
  const scope = new Option('--scope <scope...>', 'what the key allows')
    .choices(Object.keys(scopes))
    .default(['predict', 'models:read'])
  const mode = new Option('--mode <mode>', 'calls of a test key are never billed')
    .choices(['live', 'test'])
    .default('live')
  const command = keys
    .command('create')
    .description('make an API key and show its text this once')
    .requiredOption('--name <name>', 'what to call it, e.g. where it is used')
    .addOption(tenantOption('whose key'))
    .addOption(scope)
    .addOption(mode)
    .option('--expires-in-days <days>', 'how long it is good (default: until revoked)', wholeNumber)
  const meanings = Object.entries(scopes).map(([name, text]) => `  ${name.padEnd(14)} ${text}`)
  command.option('--project <name>', 'what its calls are booked under')
  withSharedOptions(withKeyLimits(command))
    .addHelpText(
      'after',
      `
Scopes:
${meanings.join('\n')}

Examples:
  $ percall keys create --name laptop
  $ percall keys create --name shop --project web --model iris --monthly-cap 20
  $ percall keys create --name first --tenant acme
  $ percall keys create --name backend --allow-ip 203.0.113.0/24 2001:db8::7
  $ percall keys create --name ci --mode test --scope predict --expires-in-days 30
  $ export PERCALL_API_KEY=$(percall keys create --name shell)`,
    )
    .action(create)
}

async function create(options: CreateOptions): Promise<void> {
  const [{ withKeys }, { accountAnswers }] = await Promise.all([
    import('./with-keys.ts'),
    import('#shared/protocols/account-answers.ts'),
  ])
  const { name, scope, mode, expiresInDays, project, model, allowIp } = options
  const environment = commandEnvironment(options)
  await checkModelOption(environment, options)
  const rights = { project, models: model, allowedIps: allowIp }
  const wanted = { name, scopes: scope, mode, expiresInDays, ...rights }
  const { key, summary } = await withKeys(
    environment,
    (manager) => manager.create({ ...wanted, limits: limitsOf(options) }),
    options,
  )
  if (options.json) return printJson({ key, ...accountAnswers.key(summary) })
  // The key alone is on standard output, so that a script can catch it.
  print(outColors.bold(key))
  note(
    `${errorColors.yellow('!')} Copy it now: only its hash is kept, and it cannot be shown again.`,
  )
  note(errorColors.dim(`  id ${summary.id}, ${mode}, ${summary.scopes.join(', ')}`))
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Days are a whole number from 1.')
}
