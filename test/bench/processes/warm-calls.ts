import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cpuShare, threadCount } from '#shared/config/cpu-share.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { clock } from '../harness/clock.ts'
import { httpClient } from '../harness/http-call.ts'
import { localService } from '../harness/local-service.ts'
import { serveNode } from '../harness/node-process.ts'
import { statistics } from '../harness/statistics.ts'
import { tell } from '../harness/tell.ts'
import { unmeteredEndpoint } from '../harness/unmetered-endpoint.ts'

/** One model called in three ways in turn: bare, through the endpoint, over HTTP. */
const calls = 1_500
const warmUpCalls = 500
const [, , name = ''] = process.argv

const { services, key } = await localService('inline')
const { sample, manifest, folder } = services.catalog.find(name)
const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
const body = Buffer.from(JSON.stringify(sample))
const path = `/v1/models/${name}/predict`

const file = new Uint8Array(readFileSync(join(folder, manifest.artifact.file ?? '')))
const threads = threadCount(cpuShare())
const session = await createOnnxSession(file, { threads, format: manifest.artifact.format })
const task = await findTask(manifest.task.name)
const model = taskModelOf(services.catalog.find(name))
const { tensors } = await task.prepare(task.rows(sample.inputs, model).rows, {}, model)

const endpoint = unmeteredEndpoint(name, services)
const request = { method: 'POST', path, query: {}, headers, body, sourceIp: '127.0.0.1' }
const host = await serveNode<{ url: string }>({
  file: join(import.meta.dirname, 'host.ts'),
  args: ['', name],
})
const post = httpClient(host.told.url)

const ways = {
  run: () => session.run(tensors),
  endpoint: async () => {
    const { status } = await endpoint(request)
    if (status !== 200) throw new Error(`The endpoint answered ${status}.`)
  },
  http: () => post(path, { method: 'POST', headers, body }),
}
const times = { run: [] as number[], endpoint: [] as number[], http: [] as number[] }
for (let call = 0; call < warmUpCalls + calls; call += 1) {
  for (const way of ['run', 'endpoint', 'http'] as const) {
    const start = clock()
    await ways[way]()
    if (call >= warmUpCalls) times[way].push(clock() - start)
  }
}
await host.stop()
tell({
  run: statistics(times.run).median,
  endpoint: statistics(times.endpoint).median,
  http: statistics(times.http).median,
})
process.exit()
