import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { type JobWorld, openJobWorld, visibilityMs } from './job-world.ts'

/** Works in a process of its own until it says so, and dies there. */
async function dieAt(home: string, when: 'before' | 'after'): Promise<void> {
  const program = new URL('./job-worker-child.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, home, when], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const said = await Promise.race([once(child.stdout, 'data'), exited])
  expect(String(said[0])).toBe('running\n')
  child.kill('SIGKILL')
  expect((await exited)[1]).toBe('SIGKILL')
}

test.each([
  ['before', { runs: 1, attempts: 2 }],
  // Sold before it died: what it computed is delivered, and not computed again.
  ['after', { runs: 0, attempts: 2 }],
] as const)(
  'a worker that is killed %s its run costs one charge, and its job is done by another',
  async (when, { runs, attempts }) => {
    const before: JobWorld = await openJobWorld()
    const { home } = before
    const tenant = await before.tenantOf('acme')
    const id = await tenant.submit()
    await before.close({ keep: true })
    await dieAt(home, when)

    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    const world = await openJobWorld({ home })
    try {
      const acme = await world.tenantOf('acme')
      expect((await acme.job(id)).state).toBe('running')
      await world.workOff()
      expect((await acme.job(id)).state).toBe('running')
      vi.setSystemTime(Date.now() + visibilityMs)
      await world.workOff()
      expect(await acme.job(id)).toMatchObject({ state: 'succeeded', attempts, cost_micros: 100 })
      expect((await acme.result(id)).status).toBe(200)
      expect([world.state.runs, (await acme.charges()).length]).toEqual([runs, 1])
      expect((await acme.account())?.held).toBe(0n)
    } finally {
      await world.close()
      vi.useRealTimers()
    }
  },
  120_000,
)
