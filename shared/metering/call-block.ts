import type { Units } from './ledger.ts'
import type { Micros } from './money.ts'

/** What was sold from a block. */
export interface BlockSales {
  readonly calls: number
  readonly charge: Micros
  readonly units: Units
}

export type CallBlock = ReturnType<typeof createCallBlock>

/** The money of many calls, held at once, of which calls take and give back their parts in memory. */
export function createCallBlock(hold: Micros, mostCalls: number) {
  let left = hold
  let callsLeft = mostCalls
  let running = 0
  let isOver = false
  let isClosed = false
  let sales: BlockSales = { calls: 0, charge: 0n, units: {} }
  const { promise: idle, resolve } = Promise.withResolvers<void>()

  function leave(): void {
    running -= 1
    if (isOver && running === 0) resolve()
  }

  return {
    /** @returns whether the call may run: it has this much, and must sell or give back */
    take(part: Micros): boolean {
      if (isOver || callsLeft === 0 || left < part) return false
      left -= part
      callsLeft -= 1
      running += 1
      return true
    },
    /** @returns whether it counts: what comes after the block was closed is not sold */
    sell(part: Micros, charge: Micros, units: Units): boolean {
      if (isClosed) return false
      left += part - charge
      sales = {
        calls: sales.calls + 1,
        charge: sales.charge + charge,
        units: sumOf(sales.units, units),
      }
      leave()
      return true
    },
    giveBack(part: Micros): void {
      left += part
      callsLeft += 1
      leave()
    },
    sales: () => sales,
    /** Nothing is taken any more. Resolves when all calls have ended, or `late` has. */
    async close(late: Promise<unknown>): Promise<BlockSales> {
      isOver = true
      if (running > 0) await Promise.race([idle, late])
      isClosed = true
      return sales
    },
  }
}

const sumOf = (some: Units, more: Units): Units =>
  Object.fromEntries(
    [...new Set([...Object.keys(some), ...Object.keys(more)] as (keyof Units)[])].map((name) => [
      name,
      (some[name] ?? 0) + (more[name] ?? 0),
    ]),
  )
