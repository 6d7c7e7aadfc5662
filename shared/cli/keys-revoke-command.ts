import type { Command } from 'commander'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { outColors, print, printJson } from './terminal.ts'

/** `percall keys revoke`: ends a key for ever. */
export function keysRevokeCommand(keys: Command): void {
  const command = keys
    .command('revoke')
    .description('end an API key for ever')
    .argument('<id>', 'its id, as "percall keys list" shows it')
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Example:
  $ percall keys revoke 7Qm2XbT9

Servers that run take notice within seconds. Revoking a key again changes nothing.`,
    )
    .action(async (id: string, options: PlaceOptions & { json?: boolean }) => {
      const { withKeys } = await import('./with-keys.ts')
      const { accountAnswers } = await import('#shared/protocols/account-answers.ts')
      const key = await withKeys(commandEnvironment(options), (manager) => manager.revoke(id))
      if (options.json) printJson(accountAnswers.key(key))
      else print(`${outColors.green('✔')} ${key.id} (${key.name}) is revoked.`)
    })
}
