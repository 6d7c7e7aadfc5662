import { type Command, Option } from 'commander'
import type { Invoice } from '#shared/account/invoice.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { formatTable } from './format-table.ts'
import { readMonth } from './read-amount.ts'
import { tenantOption } from './tenant-option.ts'
import { outColors, print } from './terminal.ts'

interface ShowOptions extends PlaceOptions {
  readonly tenant: string
  readonly format?: 'csv' | 'json' | 'html'
  readonly json?: boolean
}

/** `percall invoice show`: the invoice of a month, for people or as a file. */
export function invoiceShowCommand(invoice: Command): void {
  const format = new Option('--format <format>', 'write it as a file, on standard output').choices([
    'csv',
    'json',
    'html',
  ])
  const command = invoice
    .command('show')
    .description('show the invoice of a month')
    .argument('[month]', 'e.g. 2026-11 (default: this one)', readMonth)
    .addOption(tenantOption('whose invoice'))
    .addOption(format)
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall invoice show
  $ percall invoice show 2026-11 --format csv > invoice.csv
  $ percall invoice verify invoice.csv`,
    )
    .action(async (month: string | undefined, options: ShowOptions) => {
      const [{ withLedger }, { createInvoice }] = await Promise.all([
        import('./with-ledger.ts'),
        import('#shared/account/create-invoice.ts'),
      ])
      const wanted = month ?? new Date().toISOString().slice(0, 7)
      const made = await withLedger(commandEnvironment(options), (ledger) =>
        createInvoice({ ledger }, options.tenant, wanted),
      )
      const { formatMicros } = await import('#shared/metering/money.ts')
      const text = await fileText(made, options.json ? 'json' : options.format)
      if (text !== undefined) process.stdout.write(text)
      else print(invoiceText(made, formatMicros))
    })
}

async function fileText(invoice: Invoice, format: ShowOptions['format']) {
  switch (format) {
    case 'csv':
      return (await import('#shared/account/invoice-csv.ts')).encodeInvoiceCsv(invoice)
    case 'json':
      return (await import('#shared/account/invoice-json.ts')).encodeInvoiceJson(invoice)
    case 'html':
      return (await import('#shared/account/invoice-html.ts')).encodeInvoiceHtml(invoice)
    default:
      return undefined
  }
}

function invoiceText(invoice: Invoice, money: (amount: bigint) => string): string {
  const { tenant, month, currency, closed, summary, totals, lines, head } = invoice
  const { bold, dim } = outColors
  const state = closed ? '' : dim(' (the month is not closed)')
  const table = formatTable(
    ['model', 'price', 'calls', 'amount'],
    summary.map((row) => [row.model, row.priceId, String(row.calls), money(row.amount)]),
  )
  return [
    `${bold(`Invoice ${month}`)} of ${tenant}${state}`,
    '',
    ...(summary.length > 0 ? [table, ''] : []),
    `Charges ${money(totals.charges)}, refunds ${money(totals.refunds)}`,
    bold(`Due ${money(totals.due)} ${currency}`),
    dim(`${lines.length} entries, head ${head}`),
  ].join('\n')
}
