import type { Command } from 'commander'
import type { KeySummary } from '#shared/access/key-store.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { formatTable } from './format-table.ts'
import { tenantOption } from './tenant-option.ts'
import { print, printJson } from './terminal.ts'

type ListOptions = PlaceOptions & { readonly tenant: string; readonly json?: boolean }

/** `percall keys list`: every key, without its text. */
export function keysListCommand(keys: Command): void {
  const command = keys
    .command('list')
    .description('list the API keys of a tenant, oldest first')
    .addOption(tenantOption('whose keys'))
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall keys list
  $ percall keys list --json | jq -r '.keys[] | select(.revoked_at == null) | .id'`,
    )
    .action(async (options: ListOptions) => {
      const { withKeys } = await import('./with-keys.ts')
      const { accountAnswers } = await import('#shared/protocols/account-answers.ts')
      const { formatMicros } = await import('#shared/metering/money.ts')
      const environment = commandEnvironment(options)
      const { list, pepperId } = await withKeys(
        environment,
        async (manager) => ({ list: await manager.list(), pepperId: manager.pepperId }),
        options,
      )
      if (options.json) return printJson({ keys: list.map(accountAnswers.key) })
      print(
        list.length > 0
          ? keysTable(list, pepperId, formatMicros)
          : 'No keys. Make one: percall keys create --name laptop',
      )
    })
}

type Money = (amount: bigint) => string

const keysTable = (
  list: readonly KeySummary[],
  pepperId: string,
  money: Money,
  now = Date.now(),
): string =>
  formatTable(
    ['id', 'name', 'mode', 'state', 'created', 'expires', 'scopes', 'models', 'limits'],
    list.map((key) => [
      key.id,
      key.name,
      key.mode,
      stateOf(key, pepperId, now),
      day(key.createdAt),
      key.expiresAt === undefined ? 'never' : day(key.expiresAt),
      key.scopes.join(' '),
      key.models?.join(' ') ?? 'all',
      limitsText(key, money),
    ]),
  )

function limitsText({ limits = {}, allowedIps }: KeySummary, money: Money): string {
  const { monthlySpend, dailyCalls, concurrency, rate } = limits
  const texts = [
    ...(monthlySpend === undefined ? [] : [`${money(monthlySpend)} a month`]),
    ...(dailyCalls === undefined ? [] : [`${dailyCalls} calls a day`]),
    ...(rate ? [`${rate.perMinute} a minute, ${rate.burst} in a burst`] : []),
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
    ...(allowedIps ? [`only from ${allowedIps.join(' ')}`] : []),
  ]
  return texts.join('; ') || 'none'
}

function stateOf(key: KeySummary, pepperId: string, now: number): string {
  const { revokedAt, expiresAt, pepperId: ownPepperId = pepperId } = key
  if (revokedAt !== undefined) return 'revoked'
  if (expiresAt !== undefined && expiresAt <= now) return 'expired'
  return ownPepperId === pepperId ? 'active' : 'active, old pepper'
}

const day = (at: number) => new Date(at).toISOString().slice(0, 10)
