import type { Command } from 'commander'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { modelsTable } from './models-table.ts'
import { print, printJson } from './terminal.ts'

/** `percall models list`: which models this machine has. */
export function modelsListCommand(models: Command): void {
  withSharedOptions(models.command('list').description('list the models'))
    .addHelpText(
      'after',
      `
Examples:
  $ percall models list
  $ percall models list --json       the same as GET /v1/models`,
    )
    .action(async (options: PlaceOptions & { json?: boolean }) => {
      const { readCatalog } = await import('./read-catalog.ts')
      const { encodeModels } = await import('#shared/protocols/model-list.ts')
      const entries = readCatalog(commandEnvironment(options)).list()
      if (options.json) printJson(encodeModels(entries))
      else print(modelsTable(entries))
    })
}
