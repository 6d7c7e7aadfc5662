import type { JobStore } from '#shared/batch/job-store.ts'
import type { Queue } from '#shared/batch/queue.ts'
import { closedIfOpened } from './closed-if-opened.ts'

/** A job store that is opened by the first who needs it: a command that asks a model needs none. */
export function lazyJobStore(open: () => Promise<JobStore>): JobStore {
  const { store, close } = closedIfOpened(open)
  return {
    create: async (job) => (await store()).create(job),
    find: async (id) => (await store()).find(id),
    list: async (query) => (await store()).list(query),
    change: async (...change) => (await store()).change(...change),
    finishChunk: async (...report) => (await store()).finishChunk(...report),
    reports: async (...page) => (await store()).reports(...page),
    unfinished: async (limit) => (await store()).unfinished(limit),
    close,
  }
}

/** The same of a queue. */
export function lazyQueue(open: () => Promise<Queue>): Queue {
  const { store, close } = closedIfOpened(open)
  return {
    send: async (messages) => (await store()).send(messages),
    receive: async (options) => (await store()).receive(options),
    hide: async (...message) => (await store()).hide(...message),
    remove: async (delivery) => (await store()).remove(delivery),
    deadCount: async () => (await store()).deadCount(),
    redrive: async () => (await store()).redrive(),
    close,
  }
}
