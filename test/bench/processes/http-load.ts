import { once } from 'node:events'
import { join } from 'node:path'
import { clock } from '../harness/clock.ts'
import { serveNode } from '../harness/node-process.ts'
import { repeatCall } from '../harness/repeat-call.ts'
import { tell } from '../harness/tell.ts'

/** As many calls of iris as the Node host takes over 64 kept-alive connections, and their CPU time. */
const [, , calls = ''] = process.argv
const together = 64
const host = await serveNode<{ url: string; key: string }>({
  file: join(import.meta.dirname, 'host.ts'),
})
const { url, key } = host.told

async function load(count: number) {
  let left = count
  const before = { host: await hostCpuMs(), load: cpuMs(process.cpuUsage()) }
  const start = clock()
  const connection = () =>
    repeatCall({
      url: `${url}/v1/models/iris/predict`,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ inputs: [[5.1, 3.5, 1.4, 0.2]] }),
      next: () => left-- > 0,
    })
  await Promise.all(Array.from({ length: together }, connection))
  const durationMs = clock() - start
  return {
    perSecond: count / (durationMs / 1_000),
    hostCpu: ((await hostCpuMs()) - before.host) / count,
    loadCpu: (cpuMs(process.cpuUsage()) - before.load) / count,
  }
}

async function hostCpuMs(): Promise<number> {
  host.child.send('cpu')
  const [usage] = await once(host.child, 'message')
  return cpuMs(usage)
}

const cpuMs = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1_000

await load(Number(calls) / 4)
const measured = await load(Number(calls))
await host.stop()
tell(measured)
process.exit()
