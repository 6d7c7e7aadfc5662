import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { DeathPoint, KilledWorkerOrders, WorkerReport } from './killed-worker-child.ts'

vi.setConfig({ testTimeout: 60_000 })

const child = fileURLToPath(new URL('./killed-worker-child.ts', import.meta.url))
let home: string
let whole: WorkerReport | undefined
const newHome = () => mkdtempSync(join(tmpdir(), 'percall-killed-'))
const remove = () => rmSync(home, { recursive: true, force: true })
beforeAll(() => {
  home = newHome()
  whole = live({ aheadMs: 0 }).report
  expect(whole).toMatchObject({ state: 'published', chunks: 6, charge: '1000', breaches: 0 })
  remove()
})
beforeEach(() => {
  home = newHome()
})
afterEach(remove)

function live(orders: Omit<KilledWorkerOrders, 'home'>) {
  const { signal, stdout, stderr } = spawnSync(
    process.execPath,
    [child, JSON.stringify({ home, ...orders })],
    { encoding: 'utf8' },
  )
  const said = stdout.trim().split('\n')
  const report = said.find((line) => line.startsWith('{'))
  return {
    signal,
    stderr,
    runs: said.filter((line) => line === 'ran').length,
    report: report === undefined ? undefined : (JSON.parse(report) as WorkerReport),
  }
}

const point = (operation: string, nth: number, when: DeathPoint['when']) => ({
  operation,
  nth,
  when,
})

test.each([
  ['before it reads a chunk', point('objects.read', 3, 'before')],
  ['while it reads a chunk', point('objects.read on', 40, 'before')],
  ['after it has scored a chunk', point('scored', 2, 'after')],
  ['after it has stored a part', point('objects.put', 2, 'after')],
  ['after it has settled a chunk', point('ledger.settle', 2, 'after')],
  ['before it removes a message', point('score.remove', 2, 'before')],
  // Six parts were put before.
  ['after it has written the results', point('objects.put', 7, 'after')],
  ['after it has written the errors', point('objects.put', 8, 'after')],
  ['after it has written the manifest', point('publish.remove', 1, 'before')],
])(
  'a worker that is killed %s is followed by another, and no byte and no charge differs',
  (_, death) => {
    const dead = live({ death, aheadMs: 0 })
    expect(dead).toMatchObject({ signal: 'SIGKILL', report: undefined })
    const next = live({ aheadMs: 120_000 })
    expect(next.report, next.stderr).toEqual(whole)
    // All that was lost is the chunk that was under way.
    expect(dead.runs + next.runs).toBeLessThanOrEqual(7)
  },
)
