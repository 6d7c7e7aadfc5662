import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { startNodeHost } from '#shared/endpoints/node-host.ts'
import { localService } from '../harness/local-service.ts'
import { tell } from '../harness/tell.ts'
import { timerLags } from '../harness/timer-lags.ts'
import { unmeteredEndpoint } from '../harness/unmetered-endpoint.ts'

/**
 * The Node host. Told to, it watches how late the timers of its main thread are, and says what CPU
 * time it has taken with all its threads.
 *
 * Arguments: a folder of model folders, or nothing for percall's own; and the name of a model that
 * is served as if nothing were sold.
 */
const [, , models, unmetered] = process.argv
const { services, key } = await localService('workers', models || undefined)
const { bodyLimitBytes } = services
const endpoint = unmetered ? unmeteredEndpoint(unmetered, services) : localEndpoint(services)
const { url } = await startNodeHost({ endpoint, host: '127.0.0.1', port: 0, bodyLimitBytes })

let stop: (() => number[]) | undefined
process.on('message', (message) => {
  if (message === 'watch') stop = timerLags()
  else if (message === 'cpu') process.send?.(process.cpuUsage())
  else process.send?.(stop?.() ?? [])
})
process.on('disconnect', () => process.exit())
tell({ url, key })
