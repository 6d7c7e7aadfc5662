import { join } from 'node:path'
import { type Environment, readEnvironment } from '#shared/config/environment.ts'
import { type ExporterReport, runExporter } from '#shared/exporters/run-exporter.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createLogger } from '#shared/observability/logger.ts'
import { awsSettings } from './aws-settings.ts'
import { lazily } from './lazily.ts'
import { openLedger } from './open-ledger.ts'
import { openOutbox } from './open-outbox.ts'
import { repeatedly } from './repeatedly.ts'

/** How long before a function's end no new call to a sink begins. */
const lastCallMs = 15_000

/** One pass over the sinks as a Lambda handler on a schedule; the next goes on where it ended. */
export function exportOnSchedule(environment = readEnvironment()) {
  const exportsFile = join(environment.LAMBDA_TASK_ROOT ?? '.', 'exports.json')
  const open = lazily(() => openExporter({ PERCALL_EXPORTS: exportsFile, ...environment }))
  return async (_event: unknown, context: { getRemainingTimeInMillis(): number }) => {
    const deadline = Date.now() + context.getRemainingTimeInMillis() - lastCallMs
    return (await open())(deadline)
  }
}

/** The same on one machine, every five minutes, where `PERCALL_EXPORTS` names sinks. */
export function startExporting(environment: Environment, ledger: Ledger): () => Promise<void> {
  if (environment.PERCALL_EXPORTS === undefined) return async () => undefined
  const open = lazily(() => openExporter(environment, ledger))
  const logger = createLogger({ level: environment.PERCALL_LOG })
  const run = async () => {
    try {
      const pass = await open()
      await pass()
    } catch (cause) {
      logger.error('the exporter failed', { cause })
    }
  }
  return repeatedly(run, 300_000)
}

async function openExporter(environment: Environment, ownLedger?: Ledger) {
  const [{ readExports }, ledger, outbox] = await Promise.all([
    import('#shared/exporters/read-exports.ts'),
    ownLedger ?? openLedger(environment),
    openOutbox(environment),
  ])
  const exports = readExports(environment.PERCALL_EXPORTS ?? '', {
    stripeApiKey: environment.STRIPE_API_KEY,
    stripeBaseUrl: environment.PERCALL_STRIPE_URL,
    eventsSecret: environment.PERCALL_EVENTS_SECRET,
    awsCredentials: () => awsSettings(environment).credentials,
    marketplaceEndpoint: environment.AWS_ENDPOINT_URL_MARKETPLACE_METERING,
  })
  const logger = createLogger({ level: environment.PERCALL_LOG })
  return async (deadline?: number): Promise<ExporterReport[]> => {
    const options = { ledger, outbox, exports, ...(deadline !== undefined && { deadline }) }
    const reports = await runExporter(options)
    for (const { sink, delivery, error } of reports) {
      const told = delivery ? [...delivery.failed, ...delivery.needReconciliation].length : 0
      if (error) logger.error('a sink failed', { location: sink, cause: error })
      if (told > 0) logger.warn(`${told} records need a person`, { location: sink })
    }
    return reports
  }
}
