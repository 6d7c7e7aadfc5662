import type { Command } from 'commander'
import type { KeySummary } from '#shared/access/key-store.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { formatTable } from './format-table.ts'
import { print, printJson } from './terminal.ts'

/** `percall keys list`: every key, without its text. */
export function keysListCommand(keys: Command): void {
  withSharedOptions(keys.command('list').description('list the API keys, oldest first'))
    .addHelpText(
      'after',
      `
Examples:
  $ percall keys list
  $ percall keys list --json | jq -r '.keys[] | select(.revoked_at == null) | .id'`,
    )
    .action(async (options: PlaceOptions & { json?: boolean }) => {
      const { withKeys } = await import('./with-keys.ts')
      const { accountAnswers } = await import('#shared/protocols/account-answers.ts')
      const list = await withKeys(commandEnvironment(options), (manager) => manager.list())
      if (options.json) return printJson({ keys: list.map(accountAnswers.key) })
      print(
        list.length > 0 ? keysTable(list) : 'No keys. Make one: percall keys create --name laptop',
      )
    })
}

const keysTable = (list: readonly KeySummary[], now = Date.now()): string =>
  formatTable(
    ['id', 'name', 'mode', 'state', 'created', 'expires', 'scopes'],
    list.map((key) => [
      key.id,
      key.name,
      key.mode,
      stateOf(key, now),
      day(key.createdAt),
      key.expiresAt === undefined ? 'never' : day(key.expiresAt),
      key.scopes.join(' '),
    ]),
  )

function stateOf({ revokedAt, expiresAt }: KeySummary, now: number): string {
  if (revokedAt !== undefined) return 'revoked'
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'active'
}

const day = (at: number) => new Date(at).toISOString().slice(0, 10)
