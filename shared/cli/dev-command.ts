import { type Command, InvalidArgumentError } from 'commander'
import type { Environment } from '#shared/config/environment.ts'
import { commandEnvironment, type PlaceOptions, withSharedOptions } from './command-environment.ts'
import { devBanner } from './dev-banner.ts'
import { progressLine } from './progress-line.ts'
import { pullReporter } from './pull-reporter.ts'
import { failureText } from './report-failure.ts'
import { stopSignal } from './stop-signal.ts'
import { errorColors, isTerminal, note, print, printJson } from './terminal.ts'

interface DevOptions extends PlaceOptions {
  readonly host?: string
  readonly port?: number
  readonly json?: boolean
}

/** `percall dev`: every model behind one door, on this machine. */
export function devCommand(program: Command): void {
  const command = program
    .command('dev')
    .description('serve every model on this machine, as "npm start" does')
    .option('--port <number>', 'port; 0 takes any free one (default: PORT, or 8080)', parsePort)
    .option('--host <address>', 'address to listen on (default: HOST, or 127.0.0.1)')
  withSharedOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  $ percall dev
  $ percall dev --port 8081 --home /tmp/percall
  $ PERCALL_DEV_KEY=a-key-of-my-own percall dev

The first start puts the committed model files into this machine's own store and makes a key.
Each model is pulled and loaded by its first call.
Ctrl+C lets the calls under way end; pressed again, it does not wait.`,
    )
    .action(dev)
}

async function dev({ json, ...options }: DevOptions): Promise<void> {
  const environment = devEnvironment(options)
  const [{ localServices }, { localEndpoint }, { terminalLogger }, { startListening }] =
    await Promise.all([
      import('#shared/endpoints/local-services.ts'),
      import('#shared/endpoints/local-endpoint.ts'),
      import('./terminal-log.ts'),
      import('./start-listening.ts'),
    ])
  const line = progressLine()
  const services = await localServices({ environment, onProgress: pullReporter(environment, line) })
  const { catalog, artifacts } = services
  const logger = isTerminal(process.stderr)
    ? terminalLogger(environment.PERCALL_LOG, (text) => line.end(text))
    : services.logger
  try {
    const { publishOwnArtifacts } = await import('#shared/endpoints/publish-own-artifacts.ts')
    const entries = catalog.list().flatMap(({ manifest }) => catalog.versions(manifest.name))
    const { published, failures } = await publishOwnArtifacts(environment, entries)
    for (const failure of failures) note(failureText(failure))
    const { developmentKey } = await import('./development-key.ts')
    const key = await developmentKey(services, environment)
    const stopped = stopSignal()
    const server = await startListening(localEndpoint({ ...services, logger }), environment)

    const { url } = server
    if (json) {
      const models = catalog.list().map(({ manifest }) => manifest.name)
      printJson({ url, key: key.key, key_source: key.source, models })
    } else {
      print(devBanner({ url, key, models: catalog.list(), published, store: artifacts.location }))
    }
    if (!/^(127\.|::1$|localhost$)/.test(environment.HOST)) {
      note(
        `${errorColors.yellow('!')} Others on the network can reach ${url}; the key lets them in.`,
      )
    }
    await stopped
    // Behind the ^C that the terminal shows.
    if (isTerminal(process.stderr)) note('')
    note('Stopping: calls under way may end. Press Ctrl+C again not to wait for them.')
    await server.close()
  } finally {
    await services.close()
  }
  note('Stopped.')
}

function devEnvironment({ host, port, ...places }: DevOptions): Environment {
  return {
    ...commandEnvironment(places),
    ...(host !== undefined && { HOST: host }),
    ...(port !== undefined && { PORT: port }),
  }
}

function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('A port is a whole number from 0 to 65535.')
}
