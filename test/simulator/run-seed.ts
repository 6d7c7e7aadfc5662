import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { type Outcome, simulate } from './simulate.ts'

export type Target = 'memory' | 'sqlite'

export interface RunSeedOptions {
  readonly target?: Target
  readonly trace?: string[]
  readonly events?: Map<string, number>
}

/** One schedule; with `sqlite` on both ledgers, which must do the same to the last byte. */
export async function runSeed(
  seed: number,
  { target = 'memory', trace, events }: RunSeedOptions = {},
): Promise<Outcome['violations']> {
  const watched = { ...(trace && { trace }), ...(events && { events }) }
  if (target === 'memory') return (await simulate(seed, watched)).violations
  // Where there is one, in memory: what a disk adds is proven by killing real processes.
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'percall-'))
  const ledger = createSqliteLedger({ path: join(folder, 'ledger.sqlite') })
  try {
    const { prune } = ledger
    const { violations, ...actual } = await simulate(seed, { ...watched, ledger, prune })
    const { violations: _, ...expected } = await simulate(seed)
    if (isDeepStrictEqual(actual, expected)) return violations
    const detail = `the drivers disagree: ${firstDifference(actual, expected)}`
    return [...violations, { rule: 'D1', detail }]
  } finally {
    await ledger.close()
    rmSync(folder, { recursive: true })
  }
}

type Comparable = Omit<Outcome, 'violations'>

function firstDifference(actual: Comparable, expected: Comparable): string {
  const lines = ({ books, replies }: Comparable) => [
    ...replies,
    ...books.accounts,
    ...books.entries,
  ]
  const [those, these] = [lines(actual), lines(expected)]
  const index = those.findIndex((line, at) => line !== these[at])
  return `"${those[index]}", in memory "${these[index]}"`
}
