import { describe } from 'vitest'
import { describeJobStore, start } from '../job-store-contract.ts'
import { describeObjectStore } from '../object-store-contract.ts'
import { describeQueue } from '../queue-contract.ts'
import { createMemoryJobStore } from './memory-job-store.ts'
import { createMemoryObjectStore } from './memory-object-store.ts'
import { createMemoryQueue } from './memory-queue.ts'

let time = start
const now = () => time

describe('objects in memory', () => {
  const store = createMemoryObjectStore()
  describeObjectStore(() => store)
})

describe('jobs in memory', () => {
  const store = createMemoryJobStore({ now })
  describeJobStore({
    open: () => store,
    setTime: (at) => {
      time = at
    },
  })
})

describe('a queue in memory', () => {
  describeQueue({
    open: () => createMemoryQueue({ now, maxReceives: 3 }),
    pass: (ms) => {
      time += ms
    },
  })
})
