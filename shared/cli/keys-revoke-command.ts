import type { Command } from 'commander'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { tenantOption } from './tenant-option.ts'
import { outColors, print, printJson } from './terminal.ts'

type RevokeOptions = PlaceOptions & { readonly tenant: string; readonly json?: boolean }

/** `percall keys revoke`: ends a key for ever. */
export function keysRevokeCommand(keys: Command): void {
  const command = keys
    .command('revoke')
    .description('end an API key for ever')
    .argument('<id>', 'its id, as "percall keys list" shows it')
    .addOption(tenantOption('whose key'))
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Example:
  $ percall keys revoke 7Qm2XbT9

Servers that run take notice within seconds. Revoking a key again changes nothing.`,
    )
    .action(async (id: string, options: RevokeOptions) => {
      const { withKeys } = await import('./with-keys.ts')
      const { accountAnswers } = await import('#shared/protocols/account-answers.ts')
      const environment = commandEnvironment(options)
      const key = await withKeys(environment, (manager) => manager.revoke(id), options)
      if (options.json) printJson(accountAnswers.key(key))
      else print(`${outColors.green('✔')} ${key.id} (${key.name}) is revoked.`)
    })
}
