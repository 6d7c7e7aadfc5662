import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { callOf, callOnce, modesMeter } from './modes-world.ts'

/**
 * Calls and calls with 8 at a time, and says each answer once it may leave, until somebody kills it.
 * Arguments: the ledger's file, the tenant, the calls of a block, and the most blocks.
 */
const [, , path = '', tenant = '', blockCalls, mostBlocks] = process.argv
const ledger = createSqliteLedger({ path })
const meter = modesMeter(ledger, {
  idle: (ms) => sleep(ms),
  blockCalls: Number(blockCalls),
  mostBlocks: Number(mostBlocks),
})
const work = async () => {
  for (;;) {
    await callOnce(meter, callOf(tenant))
    writeSync(1, '.')
  }
}
await Promise.all(Array.from({ length: 8 }, work))
