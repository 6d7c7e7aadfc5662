import { setImmediate } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { modelKey } from '#shared/inference/model.ts'
import type { RunnerWorker } from '#shared/inference/runner-worker.ts'
import type { Answer } from '#shared/inference/worker-messages.ts'
import { createWorkerPool } from '#shared/inference/worker-pool.ts'
import { testEntry } from '#test/support/test-model.ts'

const entry = testEntry()

interface Made {
  readonly worker: RunnerWorker
  readonly run: PromiseWithResolvers<readonly Answer[]>
  readonly exit: () => void
}

/** A pool of one, whose worker is worn, and whose workers do what the test tells them. */
function setUp() {
  const made: Made[] = []
  const alive = new Set<RunnerWorker>()
  const pool = createWorkerPool({
    size: 1,
    modelLimit: 4,
    onFree: () => undefined,
    start(onExit) {
      const run = Promise.withResolvers<readonly Answer[]>()
      const exit = () => {
        if (alive.delete(worker)) onExit()
      }
      const worker: RunnerWorker = {
        entries: new Map([[modelKey(entry), entry]]),
        canBeKilled: true,
        isWorn: made.length === 0,
        run: () => run.promise,
        end: async () => exit(),
        kill: async () => exit(),
      }
      alive.add(worker)
      made.push({ worker, run, exit })
      return worker
    },
  })
  const wear = () => {
    const worn = pool.acquire(entry)
    if (!worn) throw new Error('No worker is free.')
    pool.release(worn)
    return worn
  }
  return { made, alive, pool, wear }
}
const loaded: readonly Answer[] = [{ ok: true, result: undefined }]

test('a successor takes over once it is warm', async () => {
  const { made, alive, pool, wear } = setUp()
  const worn = wear()
  expect(pool.acquire(entry)).toBe(worn)
  made[1]?.run.resolve(loaded)
  await vi.waitFor(() => expect(pool.free).toBe(1))
  pool.release(worn)
  expect([...alive]).toEqual([made[1]?.worker])
})

test('there are never more workers than may be, also where the worn one has gone before its successor came', async () => {
  const { made, alive, pool, wear } = setUp()
  wear()
  made[0]?.exit()
  // It takes the place at once; the successor is still loading.
  const third = pool.acquire(entry)
  expect(made).toHaveLength(3)
  made[1]?.run.resolve(loaded)
  await vi.waitFor(() => expect(alive.size).toBe(1))
  expect([...alive]).toEqual([third])
  expect(pool.acquire(entry)).toBeUndefined()
})

test('a successor takes the place of one that has gone, where nobody has it', async () => {
  const { made, alive, pool, wear } = setUp()
  wear()
  made[0]?.exit()
  made[1]?.run.resolve(loaded)
  await setImmediate()
  expect(pool.acquire(entry)).toBe(made[1]?.worker)
  expect(alive.size).toBe(1)
})
