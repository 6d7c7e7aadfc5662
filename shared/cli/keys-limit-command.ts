import type { Command } from 'commander'
import { checkModelOption } from './check-model-option.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { type KeyLimitOptions, limitsOf, withKeyLimits } from './key-limit-options.ts'
import { tenantOption } from './tenant-option.ts'
import { outColors, print, printJson } from './terminal.ts'

interface LimitOptions extends PlaceOptions, KeyLimitOptions {
  readonly tenant: string
  readonly none?: boolean
  readonly json?: boolean
}

/** `percall keys limit`: replaces what a key is limited to. */
export function keysLimitCommand(keys: Command): void {
  const command = keys
    .command('limit')
    .description('replace the limits, the models or the addresses of a key')
    .argument('<id>', 'its id, as "percall keys list" shows it')
    .option('--none', 'take away all limits, and allow all models and addresses')
    .addOption(tenantOption('whose key'))
  withSharedOptions(withKeyLimits(command))
    .addHelpText(
      'after',
      `
Examples:
  $ percall keys limit 7Qm2XbT9 --monthly-cap 20 --calls-per-minute 600
  $ percall keys limit 7Qm2XbT9 --model iris spam
  $ percall keys limit 7Qm2XbT9 --allow-ip 203.0.113.0/24
  $ percall keys limit 7Qm2XbT9 --none

Servers that run take notice within seconds.`,
    )
    .action(async (id: string, options: LimitOptions) => {
      const { withKeys } = await import('./with-keys.ts')
      const { accountAnswers } = await import('#shared/protocols/account-answers.ts')
      const environment = commandEnvironment(options)
      await checkModelOption(environment, options)
      const changes = options.none
        ? { limits: null, models: null, allowedIps: null }
        : { limits: limitsOf(options), models: options.model, allowedIps: options.allowIp }
      const key = await withKeys(environment, (manager) => manager.change(id, changes), options)
      if (options.json) printJson(accountAnswers.key(key))
      else print(`${outColors.green('✔')} ${key.id} (${key.name}) is changed.`)
    })
}
