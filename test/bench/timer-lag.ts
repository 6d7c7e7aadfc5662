import { once } from 'node:events'
import { join } from 'node:path'
import { clock } from './harness/clock.ts'
import { httpClient } from './harness/http-call.ts'
import { milliseconds as ms } from './harness/milliseconds.ts'
import { serveNode } from './harness/node-process.ts'
import type { Measure } from './harness/report.ts'
import { p99, statistics } from './harness/statistics.ts'
import { makeSlowModel } from './models/make-slow-model.ts'

const file = join(import.meta.dirname, 'processes/host.ts')

/** Whether the Node host's event loop stays free while a model runs for about a second. */
export const timerLag: Measure = async ({ samples: rounds }) => {
  const models = makeSlowModel()
  const idle: number[] = []
  const busy: number[] = []
  const healthMs: number[] = []
  const runMs: number[] = []
  for (let round = 0; round < Math.max(3, Math.round(rounds / 3)); round += 1) {
    const host = await serveNode<{ url: string; key: string }>({ file, args: [models] })
    const { url, key } = host.told
    const [call, askHealth] = [httpClient(url), httpClient(url)]
    const predict = async () => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
      const body = Buffer.from('{"inputs":[[1,1,1,1]]}')
      await call('/v1/models/slow/predict', { method: 'POST', headers, body })
    }
    /** The lags of the host's timer while `work` goes on. */
    const watch = async (work: () => Promise<unknown>): Promise<number[]> => {
      host.child.send('watch')
      await work()
      host.child.send('stop')
      const [lags] = await once(host.child, 'message')
      return lags
    }
    await predict()
    idle.push(p99(await watch(() => wait(1_000))))
    const lags = await watch(async () => {
      const start = clock()
      const answer = predict().then(() => runMs.push(clock() - start))
      while (await Promise.race([answer.then(() => false), wait(20).then(() => true)])) {
        const asked = clock()
        await askHealth('/v2/health/live')
        healthMs.push(clock() - asked)
      }
    })
    busy.push(p99(lags))
    await host.stop()
  }
  return {
    title: 'Event loop of the Node host during a long inference',
    rows: [
      ms('the inference, as its caller sees it', statistics(runMs)),
      ms('p99 lag of a 1 ms timer, host idle', statistics(idle)),
      { ...ms('p99 lag of a 1 ms timer, during the inference', statistics(busy)), atMost: 5 },
      ms('GET /v2/health/live meanwhile', statistics(healthMs)),
    ],
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
