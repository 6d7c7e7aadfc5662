import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { clock } from '../harness/clock.ts'
import { serveNode } from '../harness/node-process.ts'
import { tell } from '../harness/tell.ts'

/** As many calls of iris as the Node host takes over 64 kept-alive connections. */
const [, , calls = ''] = process.argv
const together = 64
const host = await serveNode<{ url: string; key: string }>({
  file: join(import.meta.dirname, 'host.ts'),
})
const { url, key } = host.told
const agent = new Agent({ keepAlive: true, maxSockets: together })
const body = JSON.stringify({ inputs: [[5.1, 3.5, 1.4, 0.2]] })
const headers = {
  authorization: `Bearer ${key}`,
  'content-type': 'application/json',
  'content-length': body.length,
}

const post = () =>
  new Promise<void>((resolve, reject) => {
    const options = { method: 'POST', agent, headers }
    request(`${url}/v1/models/iris/predict`, options, (response) => {
      if (response.statusCode !== 200 || response.headers['x-cost-units'] === undefined) {
        reject(new Error(`The host answered ${response.statusCode}.`))
      }
      response.resume().once('end', resolve)
    })
      .once('error', reject)
      .end(body)
  })

async function load(count: number): Promise<number> {
  let left = count
  const start = clock()
  const work = async () => {
    while (left-- > 0) await post()
  }
  await Promise.all(Array.from({ length: together }, work))
  return count / ((clock() - start) / 1_000)
}

await load(Number(calls) / 4)
const perSecond = await load(Number(calls))
await host.stop()
tell({ perSecond })
process.exit()
