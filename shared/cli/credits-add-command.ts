import { type Command, InvalidArgumentError } from 'commander'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { readAmount, readMoment } from './read-amount.ts'
import { tenantOption } from './tenant-option.ts'
import { errorColors, note, outColors, print, printJson } from './terminal.ts'

interface AddOptions extends PlaceOptions {
  readonly paymentId: string
  readonly currency: string
  readonly tenant: string
  readonly expires?: number
  readonly json?: boolean
}

/** `percall credits add`: credits a payment, once however often it is run. */
export function creditsAddCommand(credits: Command): void {
  const command = credits
    .command('add')
    .description('credit a payment; the same payment is credited once')
    .argument('<amount>', 'money, e.g. 12.50', readAmount)
    .requiredOption('--payment-id <id>', 'what the payment system calls it', paymentId)
    .option('--currency <code>', 'ISO 4217', currency, 'USD')
    .addOption(tenantOption('whose account'))
    .option('--expires <day>', 'when what is left of it is lost (default: never)', readMoment)
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall credits add 25 --payment-id invoice-2026-017
  $ percall credits add 5 --payment-id welcome --tenant acme --expires 2027-06-30`,
    )
    .action(async (amount: bigint, options: AddOptions) => {
      const [{ withLedger }, { addCredit }, { accountAnswers }, { formatMicros }] =
        await Promise.all([
          import('./with-ledger.ts'),
          import('#shared/account/add-credit.ts'),
          import('#shared/protocols/account-answers.ts'),
          import('#shared/metering/money.ts'),
        ])
      const { paymentId, currency, tenant, expires } = options
      const { account, entry, repeated } = await withLedger(commandEnvironment(options), (ledger) =>
        addCredit({ ledger }, { tenant, paymentId, amount, currency, expiresAt: expires }),
      )
      if (options.json) {
        return printJson({
          ...accountAnswers.entry(entry),
          repeated,
          account: accountAnswers.account(account),
        })
      }
      const done = repeated ? 'was credited before' : 'is credited'
      print(
        `${outColors.green('✔')} ${formatMicros(entry.amount)} ${currency} ${done} (${entry.id}).`,
      )
      print(`  ${tenant} has ${formatMicros(account.available)} ${account.currency}.`)
      if (account.mode === 'postpaid') {
        note(errorColors.dim('  The account is postpaid: its calls do not use credit.'))
      }
    })
}

function paymentId(text: string): string {
  if (/^[A-Za-z0-9._:-]{1,128}$/.test(text)) return text
  throw new InvalidArgumentError('It has 1 to 128 letters, digits and ". _ : -".')
}

function currency(text: string): string {
  if (/^[A-Z]{3}$/.test(text)) return text
  throw new InvalidArgumentError('It is a code of three capital letters, e.g. USD.')
}
