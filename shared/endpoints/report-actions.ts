import { createAlertLog } from '#shared/account/alert-log.ts'
import { capAlerts } from '#shared/account/cap-alerts.ts'
import { createInvoice, listInvoices } from '#shared/account/create-invoice.ts'
import { exportPage } from '#shared/account/export-ledger.ts'
import type { Invoice } from '#shared/account/invoice.ts'
import { ledgerCursor } from '#shared/account/ledger-cursor.ts'
import { costReport, usageReport } from '#shared/account/usage-report.ts'
import type { EntryPage, EntryQuery } from '#shared/metering/ledger.ts'
import { accountAnswers, exact } from '#shared/protocols/account-answers.ts'
import {
  exportQuery,
  invoiceQuery,
  ledgerQuery,
  nothing,
  reportQuery,
} from '#shared/protocols/account-requests.ts'
import type { HttpResponse } from '#shared/protocols/http-message.ts'
import { accountAction } from './account-action.ts'
import type { Services } from './services.ts'

const dayMs = 24 * 60 * 60 * 1_000
/** Clocks of those who settle may be ahead. */
const skewMs = 5 * 60 * 1_000
/** A Lambda's answer may have 6 MB; an entry as CSV has some 300 bytes. */
const exportPageSize = 10_000
const maxInvoiceEntries = 10_000

/** Usage, costs, the ledger and invoices of the caller's tenant. */
export function reportActions(services: Services) {
  const { ledger, logger } = services
  const tellAlerts = createAlertLog(logger)
  const timeOf = (
    { from, to }: { from?: number | undefined; to?: number | undefined },
    days: number,
  ) => {
    const until = to ?? Date.now() + skewMs
    return { from: from ?? until - days * dayMs, to: until }
  }
  type PageQuery = Omit<EntryQuery, 'tenant' | 'after'> & { cursor?: string | undefined }
  const pageOf = (tenant: string, { cursor, ...query }: PageQuery) =>
    ledger.entries({
      ...query,
      tenant,
      after: cursor === undefined ? undefined : ledgerCursor.read(tenant, cursor),
    })
  const nextOf = (tenant: string, { next }: EntryPage) =>
    next ? ledgerCursor.write(tenant, next) : undefined

  return {
    usage: accountAction(services, {
      schema: reportQuery,
      async run({ bucket = '1h', group_by, ...range }, { tenant }) {
        const time = timeOf(range, 1)
        const [rows, alerts, account] = await Promise.all([
          usageReport(ledger, { tenant, ...time, bucket, groupBy: group_by }),
          capAlerts(services, tenant, Date.now()),
          ledger.account(tenant),
        ])
        tellAlerts(alerts)
        return {
          ...report(time, bucket, account?.currency, rows),
          total_calls: rows.reduce((sum, { calls }) => sum + calls, 0),
          data: rows.map(accountAnswers.usage),
          alerts: alerts.map(accountAnswers.alert),
        }
      },
    }),
    costs: accountAction(services, {
      schema: reportQuery,
      async run({ bucket = '1d', group_by, ...range }, { tenant }) {
        const time = timeOf(range, 30)
        const [rows, account] = await Promise.all([
          costReport(ledger, { tenant, ...time, bucket, groupBy: group_by }),
          ledger.account(tenant),
        ])
        return {
          ...report(time, bucket, account?.currency, rows),
          data: rows.map(accountAnswers.cost),
        }
      },
    }),
    ledger: accountAction(services, {
      schema: ledgerQuery,
      async run({ type, ...query }, { tenant }) {
        const page = await pageOf(tenant, { ...query, types: type })
        const next = nextOf(tenant, page) ?? null
        return { data: page.entries.map(accountAnswers.entry), next_cursor: next }
      },
    }),
    'export-ledger': accountAction(services, {
      schema: exportQuery,
      async run({ type, format: named, ...query }, { tenant, request }): Promise<HttpResponse> {
        const format = named ?? preferred(request.headers.accept, exportMedia, 'csv')
        const page = await pageOf(tenant, { ...query, types: type, limit: exportPageSize })
        const cursor = nextOf(tenant, page)
        const parameters = new URLSearchParams({ ...request.query, cursor: cursor ?? '' })
        return {
          status: 200,
          headers: {
            ...fileHeaders(`ledger.${format}`),
            vary: 'Accept',
            // Further pages of CSV and JSONL are appended to this one as they are.
            ...(cursor !== undefined && {
              link: `</v1/ledger/export?${parameters}>; rel="next"`,
              'x-next-cursor': cursor,
            }),
          },
          body: await {
            csv: () => exportPage.csv(page, query.cursor === undefined),
            jsonl: () => exportPage.jsonl(page, accountAnswers.entry),
            parquet: () => exportPage.parquet(page),
          }[format](),
        }
      },
      encode: (response) => response,
    }),
    invoices: accountAction(services, {
      schema: nothing,
      run: async (_, { tenant }) => ({ data: await listInvoices({ ledger }, tenant) }),
    }),
    invoice: accountAction(services, {
      schema: invoiceQuery,
      async run({ format }, { tenant, id: month, request }) {
        const options = { ledger, maxEntries: maxInvoiceEntries }
        const invoice = await createInvoice(options, tenant, month)
        const as = format ?? preferred(request.headers.accept, invoiceMedia, 'json')
        return {
          status: 200,
          headers: { ...fileHeaders(`invoice-${invoice.month}.${as}`), vary: 'Accept' },
          body: await invoiceFormats[as](invoice),
        }
      },
      encode: (response) => response,
    }),
  }
}

const invoiceFormats = {
  json: async (invoice: Invoice) =>
    (await import('#shared/account/invoice-json.ts')).encodeInvoiceJson(invoice),
  csv: async (invoice: Invoice) =>
    (await import('#shared/account/invoice-csv.ts')).encodeInvoiceCsv(invoice),
  html: async (invoice: Invoice) =>
    (await import('#shared/account/invoice-html.ts')).encodeInvoiceHtml(invoice),
}
type InvoiceFormat = keyof typeof invoiceFormats

const invoiceMedia = new Map<string, InvoiceFormat>([
  ['text/csv', 'csv'],
  ['text/html', 'html'],
  ['application/json', 'json'],
])
const exportMedia = new Map<string, keyof typeof exportPage>([
  ['text/csv', 'csv'],
  ['application/jsonl', 'jsonl'],
  ['application/vnd.apache.parquet', 'parquet'],
])

/** The first format that the caller names; `usual` for who takes anything. */
function preferred<Format extends string>(
  accept = '',
  media: ReadonlyMap<string, Format>,
  usual: Format,
): Format {
  const named = accept.split(',').map((item) => item.split(';')[0]?.trim().toLowerCase() ?? '')
  return named.map((type) => media.get(type)).find((format) => format !== undefined) ?? usual
}

const mediaTypes: Readonly<Record<string, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  jsonl: 'application/jsonl',
  parquet: 'application/vnd.apache.parquet',
  json: 'application/json',
  html: 'text/html; charset=utf-8',
}

function fileHeaders(name: string): Record<string, string> {
  const extension = name.split('.').at(-1) ?? ''
  const disposition = extension === 'html' || extension === 'json' ? 'inline' : 'attachment'
  return {
    'content-type': mediaTypes[extension] ?? '',
    'content-disposition': `${disposition}; filename="${name}"`,
    // HTML is for print: it runs and loads nothing.
    ...(extension === 'html' && {
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'x-content-type-options': 'nosniff',
    }),
  }
}

function report(
  { from, to }: { from: number; to: number },
  bucket: string,
  currency: string | undefined,
  rows: readonly { readonly amount: bigint }[],
) {
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    bucket,
    currency: currency ?? null,
    total_micros: exact(rows.reduce((sum, { amount }) => sum + amount, 0n)),
  }
}
