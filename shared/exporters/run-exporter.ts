import type { Ledger } from '#shared/metering/ledger.ts'
import { type ExportReport, exportOutbox } from './export-outbox.ts'
import { fillOutbox } from './fill-outbox.ts'
import type { Outbox } from './outbox.ts'
import type { Export } from './sink.ts'

export interface RunExporterOptions {
  readonly ledger: Ledger
  readonly outbox: Outbox
  readonly exports: readonly Export[]
  readonly now?: () => number
  readonly random?: () => number
  /** No new call to a sink begins after this time. */
  readonly deadline?: number
}

export interface ExporterReport {
  readonly sink: string
  /** Records that were frozen in this pass. */
  readonly frozen: number
  readonly delivery: ExportReport | undefined
  /** What ended the work for this sink; the others went on. */
  readonly error: unknown
}

/** One pass over all sinks: freeze what closed hours sold, send what is due. */
export async function runExporter({
  ledger,
  outbox,
  exports,
  ...options
}: RunExporterOptions): Promise<ExporterReport[]> {
  const reports: ExporterReport[] = []
  for (const { sink, meters, customerOf } of exports) {
    let frozen = 0
    let delivery: ExportReport | undefined
    let error: unknown
    try {
      frozen = await fillOutbox({ ...options, ledger, outbox, sink: sink.name, meters, customerOf })
      delivery = await exportOutbox({ ...options, outbox, sink })
    } catch (thrown) {
      error = thrown
    }
    reports.push({ sink: sink.name, frozen, delivery, error })
  }
  return reports
}
