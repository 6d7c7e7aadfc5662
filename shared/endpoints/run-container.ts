import { directRuntimeClient, readEnvironment } from '#shared/config/environment.ts'
import { createLogger } from '#shared/observability/logger.ts'
import { startContainerHost } from './container-host.ts'

/** Platforms kill 30 s after they have asked: what has not been answered by then is left. */
const longestCloseMs = 25_000

/**
 * The process of a container. Under Lambda it takes events; anywhere else it listens until SIGTERM,
 * answers the calls under way, and exits: 0 where all were answered, 1 where some were left.
 *
 * @param folder where `handler.mjs` is, which Lambda's runtime client calls
 * @param args `serve`, which SageMaker says, or nothing
 */
export async function runContainer(folder: string, args: readonly string[]): Promise<void> {
  const [command = 'serve', ...rest] = args
  if (command !== 'serve' || rest.length > 0) {
    process.stderr.write('The one command of this image is "serve", which is the default, too.\n')
    process.exitCode = 2
    return
  }
  const environment = readEnvironment()
  if (environment.AWS_LAMBDA_RUNTIME_API !== undefined) {
    directRuntimeClient(folder)
    await import('aws-lambda-ric')
    return
  }
  const stopped = new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  const host = await startContainerHost(environment).catch((cause: unknown) => {
    createLogger().error('the container cannot start', { cause })
    process.exit(1)
  })
  await stopped
  setTimeout(() => process.exit(1), longestCloseMs).unref()
  await host.close()
  process.exit(0)
}
