import type { Command } from 'commander'
import type { CreditLot } from '#shared/account/credit-lots.ts'
import type { Account } from '#shared/metering/ledger.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { formatTable } from './format-table.ts'
import { tenantOption } from './tenant-option.ts'
import { print, printJson } from './terminal.ts'

type ListOptions = PlaceOptions & { readonly tenant: string; readonly json?: boolean }

/** `percall credits list`: the balance, and where its credit came from. */
export function creditsListCommand(credits: Command): void {
  const command = credits
    .command('list')
    .description('show the balance, and where its credit came from')
    .addOption(tenantOption('whose account'))
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall credits list
  $ percall credits list --tenant acme --json`,
    )
    .action(async (options: ListOptions) => {
      const [{ withLedger }, { findAccount }, { creditLots }, { accountAnswers }] =
        await Promise.all([
          import('./with-ledger.ts'),
          import('#shared/account/open-account.ts'),
          import('#shared/account/credit-lots.ts'),
          import('#shared/protocols/account-answers.ts'),
        ])
      const { account, lots } = await withLedger(commandEnvironment(options), async (ledger) => {
        const account = await findAccount(ledger, options.tenant)
        return { account, lots: await creditLots(ledger, account) }
      })
      if (options.json) {
        return printJson({ ...accountAnswers.account(account), data: lots.map(accountAnswers.lot) })
      }
      const { formatMicros } = await import('#shared/metering/money.ts')
      print(creditsText(account, lots, formatMicros))
    })
}

function creditsText(
  { tenant, currency, mode, available, held, spent }: Account,
  lots: readonly CreditLot[],
  money: (amount: bigint) => string,
): string {
  const balance = `${tenant} (${mode}): ${money(available)} ${currency} available, ${money(held)} held, ${money(spent)} spent`
  if (lots.length === 0) return balance
  const table = formatTable(
    ['id', 'added', 'amount', 'left', 'expires'],
    lots.map(({ id, at, amount, left, expiresAt }) => [
      id,
      day(at),
      money(amount),
      money(left),
      expiresAt === undefined ? 'never' : day(expiresAt),
    ]),
  )
  return `${balance}\n\n${table}`
}

const day = (at: number) => new Date(at).toISOString().slice(0, 10)
