import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { auditJob } from '#shared/batch/audit-job.ts'
import { openLocalBatch } from '../local-batch.ts'

vi.setConfig({ testTimeout: 120_000 })

const child = fileURLToPath(new URL('./killed-parent-child.ts', import.meta.url))

const isAlive = (pid: string): boolean => {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

test.skipIf(process.platform !== 'linux')(
  'a service that is killed takes its scoring processes with it, and the next one ends its jobs',
  async () => {
    const home = mkdtempSync(join(tmpdir(), 'percall-parent-'))
    try {
      const parent = spawn(process.execPath, [child, home], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [said] = await once(parent.stdout, 'data')
      const { job: id, children } = JSON.parse(String(said)) as { job: string; children: string[] }
      expect(children.length).toBeGreaterThan(0)
      parent.kill('SIGKILL')
      await once(parent, 'close')
      await expect.poll(() => children.some(isAlive), { timeout: 10_000 }).toBe(false)
      // Messages of the dead are hidden for 15 s, their leases last half a minute.
      const batch = await openLocalBatch({ home, size: 2 })
      const job = await batch.services.jobs.find(id)
      if (!job) throw new Error('The job is gone.')
      const ended = await batch.finish(job)
      expect(ended).toMatchObject({ state: 'published', done: { results: 198_000, errors: 2_000 } })
      expect(await auditJob(ended, batch.services)).toEqual([])
      await batch.close()
    } finally {
      rmSync(home, { recursive: true, force: true })
    }
  },
)
