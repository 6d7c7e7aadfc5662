import { localEndpoint } from '#shared/endpoints/local-endpoint.ts'
import { startNodeHost } from '#shared/endpoints/node-host.ts'
import { localService } from '../harness/local-service.ts'
import { tell } from '../harness/tell.ts'
import { timerLags } from '../harness/timer-lags.ts'

/** The Node host. Told to, it watches how late the timers of its main thread are. */
const [, , models] = process.argv
const { services, key } = await localService('threads', models)
const { bodyLimitBytes } = services
const endpoint = localEndpoint(services)
const { url } = await startNodeHost({ endpoint, host: '127.0.0.1', port: 0, bodyLimitBytes })

let stop: (() => number[]) | undefined
process.on('message', (message) => {
  if (message === 'watch') stop = timerLags()
  else process.send?.(stop?.() ?? [])
})
process.on('disconnect', () => process.exit())
tell({ url, key })
