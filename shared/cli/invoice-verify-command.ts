import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { ServiceError } from '#shared/errors/service-error.ts'
import { outColors, print, printJson } from './terminal.ts'

/** `percall invoice verify`: checks a file by itself, without a ledger or a server. */
export function invoiceVerifyCommand(invoice: Command): void {
  invoice
    .command('verify')
    .description('check the CSV or JSON file of an invoice by itself')
    .argument('<file>', 'the file, or - for standard input')
    .option('--head <hash>', 'the head that it must have, from another source')
    .option('--json', 'print JSON, and nothing else, on standard output')
    .addHelpText(
      'after',
      `
Example:
  $ percall invoice verify invoice.csv

Recomputes every hash and every total. It needs no server and trusts none: to know that the file is
the one that was issued, compare its head with one that you were given otherwise.`,
    )
    .action(async (file: string, { head, json }: { head?: string; json?: boolean }) => {
      const { verifyInvoice } = await import('#shared/account/verify-invoice.ts')
      const result = verifyInvoice(read(file))
      if (!result.ok) throw invalid(`${file}, line ${result.line}: ${result.problem}`)
      const { invoice: found } = result
      if (head !== undefined && head !== found.head) throw invalid(`Its head is ${found.head}.`)
      const { tenant, month, currency, totals, lines } = found
      if (json) {
        const { exact } = await import('#shared/protocols/account-answers.ts')
        const due_micros = exact(totals.due)
        const entries = lines.length
        return printJson({
          ok: true,
          tenant,
          month,
          currency,
          due_micros,
          entries,
          head: found.head,
        })
      }
      const { formatMicros } = await import('#shared/metering/money.ts')
      print(
        `${outColors.green('✔')} ${month} of ${tenant}: ${lines.length} entries, ${formatMicros(totals.due)} ${currency} due`,
      )
      print(`  head ${found.head}`)
    })
}

function read(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw new ServiceError('input_invalid', {
      detail: `${file} cannot be read.`,
      fix: 'Give the path of an invoice as CSV or JSON.',
      cause,
    })
  }
}

const invalid = (detail: string) => new ServiceError('invoice_invalid', { detail })
