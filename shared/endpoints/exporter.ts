import { join } from 'node:path'
import { type Environment, readEnvironment } from '#shared/config/environment.ts'
import type { Outbox } from '#shared/exporters/outbox.ts'
import { type ExporterReport, runExporter } from '#shared/exporters/run-exporter.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createLogger, type Logger } from '#shared/observability/logger.ts'
import { awsSettings } from './aws-settings.ts'
import { lazily } from './lazily.ts'
import { openLedger } from './open-ledger.ts'
import { openOutbox } from './open-outbox.ts'

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
export function startExporting(environment: Environment, ledger: Ledger): () => void {
  if (environment.PERCALL_EXPORTS === undefined) return () => undefined
  const open = lazily(() => openExporter(environment, ledger))
  const logger = createLogger({ level: environment.PERCALL_LOG })
  const run = () =>
    open()
      .then((pass) => pass())
      .catch((cause: unknown) => logger.error('the exporter failed', { cause }))
  void run()
  const timer = setInterval(run, 300_000).unref()
  return () => clearInterval(timer)
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
  return (deadline?: number) => pass({ ledger, outbox, exports, deadline }, logger)
}

async function pass(
  {
    ledger,
    outbox,
    exports,
    deadline,
  }: {
    ledger: Ledger
    outbox: Outbox
    exports: Parameters<typeof runExporter>[0]['exports']
    deadline: number | undefined
  },
  logger: Logger,
): Promise<ExporterReport[]> {
  const reports = await runExporter({
    ledger,
    outbox,
    exports,
    ...(deadline !== undefined && { deadline }),
  })
  for (const { sink, delivery, error } of reports) {
    const told = delivery ? [...delivery.failed, ...delivery.needReconciliation].length : 0
    if (error) logger.error('a sink failed', { location: sink, cause: error })
    if (told > 0) logger.warn(`${told} records need a person`, { location: sink })
  }
  return reports
}
