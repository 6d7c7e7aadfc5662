import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { MeteringMode } from '#shared/metering/ledger.ts'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { sweep } from '#shared/metering/sweep.ts'
import { auditLedger } from './audit.ts'
import { chargesOf, openDiskLedger, openPostpaid, price } from './modes-world.ts'

/** Processes that are killed, of each mode. */
const kills = Math.ceil(Number(process.env.PERCALL_KILLS ?? 30) / 10)
const childPath = fileURLToPath(new URL('./modes-child.ts', import.meta.url))
const [blockCalls, mostBlocks] = [25, 2]

/** Runs a process until it has answered so many calls. @returns how many it had */
async function answersUntilKilled(path: string, tenant: string, after: number): Promise<number> {
  const parameters = [childPath, path, tenant, String(blockCalls), String(mostBlocks)]
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  let answers = 0
  child.stdout.on('data', (said: Buffer) => {
    answers += said.byteLength
    if (answers >= after) sleep(Math.random() * 5).then(() => child.kill('SIGKILL'))
  })
  await new Promise((resolve) => child.on('close', resolve))
  return answers
}

test.each<[MeteringMode, number, number]>([
  // [mode, calls that may be answered and not charged, calls that may be charged and not answered]
  ['strict', 0, 8],
  ['single-write', 0, 8],
  ['leased', blockCalls * mostBlocks, 8],
])(
  'killed at any moment, a process that is metered %s loses at most what its mode says',
  async (metering, under, over) => {
    const disk = openDiskLedger()
    const tenant = await openPostpaid(disk.ledger, { metering })
    await disk.ledger.close()
    const losses: number[] = []
    for (let round = 0; round < kills; round += 1) {
      const before = createSqliteLedger({ path: disk.path })
      const spentBefore = (await before.account(tenant))?.spent ?? 0n
      await before.close()
      const answers = await answersUntilKilled(disk.path, tenant, 20 + Math.random() * 200)
      const ledger = createSqliteLedger({ path: disk.path })
      await sweep({ ledger, now: () => Date.now() + 60_000 })
      const { spent, held } = (await ledger.account(tenant)) ?? { spent: 0n, held: 0n }
      losses.push(answers - Number((spent - spentBefore) / price))
      expect(held).toBe(0n)
      const charges = await chargesOf(ledger, tenant)
      expect(charges.reduce((sum, { amount }) => sum + amount, 0n)).toBe(spent)
      const calls = charges.reduce((sum, { units }) => sum + (units.calls ?? 0), 0)
      expect(BigInt(calls) * price).toBe(spent)
      const options = { now: Date.now(), atRest: true, tenants: [tenant] }
      expect(await auditLedger(ledger, options)).toEqual([])
      await ledger.close()
    }
    for (const loss of losses) {
      expect(loss).toBeLessThanOrEqual(under)
      // Charged, and killed before it could be said.
      expect(-loss).toBeLessThanOrEqual(over)
    }
    // A proof in which nothing was lost would prove nothing.
    if (under > 0) expect(Math.max(...losses)).toBeGreaterThan(0)
  },
  60_000 + kills * 10_000,
)
