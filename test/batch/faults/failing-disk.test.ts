import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FailedWrite, FailingDiskOrders } from './failing-disk-child.ts'

// A modest part of the proof; `npm run prove` lets every single write fail.
const step = Number(process.env.PERCALL_BATCH_DISK_STEP ?? 11)

const place = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const hasCompiler = spawnSync('cc', ['--version']).status === 0
const missing = process.platform === 'linux' && hasCompiler ? undefined : '(needs Linux and cc)'

describe.skipIf(missing)(`a disk under the stores of one machine ${missing ?? ''}`, () => {
  let folder: string
  let library: string
  beforeAll(() => {
    folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'percall-disk-'))
    library = `${folder}.so`
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, place('failing-disk.c')])
  })
  afterAll(() => {
    for (const path of [folder, library]) rmSync(path, { recursive: true, force: true })
  })

  /** One job for each n, until there were fewer writes than that. */
  function failEach(orders: Pick<FailingDiskOrders, 'errno' | 'on'>): FailedWrite[] {
    const file = `${folder}.orders`
    writeFileSync(file, Buffer.alloc(16))
    const told: FailingDiskOrders = { folder, file, first: 1, step, ...orders }
    const variables = { LD_PRELOAD: library, FAILING_FOLDER: `${folder}/`, FAILING_ORDERS: file }
    const said = execFileSync(
      process.execPath,
      [place('failing-disk-child.ts'), JSON.stringify(told)],
      { env: { ...process.env, ...variables }, encoding: 'utf8' },
    )
    rmSync(file)
    return said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  }

  test.each([
    ['a write that fails once (EIO) is got over', { errno: constants.errno.EIO, on: false }],
    [
      'a disk that is full (ENOSPC) loses nothing once there is room again',
      { errno: constants.errno.ENOSPC, on: true },
    ],
  ])('%s, whichever the n-th write is', { timeout: 600_000 }, (_, orders) => {
    const reports = failEach(orders)
    const whole = reports.at(-1)
    // The last one is that without a failure.
    expect(whole?.writes).toBeLessThan(whole?.n ?? 0)
    expect(reports.length).toBeGreaterThan(300 / step)
    for (const report of reports) {
      expect(report, `n = ${report.n}`).toMatchObject({
        state: 'published',
        sha256: whole?.sha256,
        charge: '300',
        breaches: [],
      })
      if (!orders.on) expect(report.before, `n = ${report.n}`).toBe('published')
    }
    // Nothing is said to be done on a disk that took nothing.
    if (orders.on) expect(reports[0]?.before).toBeUndefined()
  })
})
