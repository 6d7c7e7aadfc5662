import type { PublishingServices } from '#shared/batch/publish-job.ts'
import { clock } from './clock.ts'

type Port = 'ledger' | 'objects' | 'jobs' | 'queue'

/** Which methods a chunk waits for. Whoever only watches calls others. */
const methods = {
  ledger: ['account', 'reserve', 'settle', 'renew'],
  objects: ['put'],
  jobs: ['finishChunk'],
  queue: ['remove', 'hide'],
} as const satisfies Record<Port, readonly string[]>

/** Counts how long stores are waited for: their methods are replaced in place. */
export function timePorts({ ledger, objects, jobs, queues }: PublishingServices) {
  const waited: Record<Port, number> = { ledger: 0, objects: 0, jobs: 0, queue: 0 }
  const stores: Record<Port, object> = { ledger, objects, jobs, queue: queues.score }
  for (const port of Object.keys(methods) as Port[]) {
    for (const name of methods[port]) {
      const store = stores[port] as Record<string, (...args: unknown[]) => Promise<unknown>>
      const method = store[name]
      if (!method) throw new Error(`${port} has no method ${name}.`)
      store[name] = async (...args) => {
        const start = clock()
        try {
          return await method(...args)
        } finally {
          waited[port] += clock() - start
        }
      }
    }
  }
  return {
    reset: () => void Object.assign(waited, { ledger: 0, objects: 0, jobs: 0, queue: 0 }),
    waitedMs: (): Readonly<Record<Port, number>> => ({ ...waited }),
  }
}
