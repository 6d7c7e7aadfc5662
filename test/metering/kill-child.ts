import { writeSync } from 'node:fs'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { killScenario } from './kill-scenario.ts'

/**
 * Runs the scenario on a file and says before and after each step so. It dies by SIGKILL at one of
 * the points it passes: before and after each step, and before each statement, also within
 * transactions. Arguments: the file, and the number of the point (0: none).
 */
const [, , path = '', mortal = '0'] = process.argv
let points = 0

function point(): void {
  points += 1
  if (points === Number(mortal)) process.kill(process.pid, 'SIGKILL')
}

function watch(prototype: object, method: string): void {
  const original: unknown = Reflect.get(prototype, method)
  if (typeof original !== 'function') throw new Error(`SQLite has no ${method}.`)
  Reflect.set(prototype, method, function (this: object, ...parameters: unknown[]) {
    point()
    return Reflect.apply(original, this, parameters)
  })
}

for (const method of ['run', 'get', 'all']) watch(StatementSync.prototype, method)
watch(DatabaseSync.prototype, 'exec')

function say(line: string): void {
  writeSync(1, `${line}\n`)
  point()
}

const ledger = createSqliteLedger({ path })
for (const [group, steps] of killScenario.entries()) {
  await Promise.all(
    steps.map(async (step, index) => {
      say(`try ${group} ${index}`)
      await step(ledger)
      say(`done ${group} ${index}`)
    }),
  )
}
await ledger.close()
say(`passed ${points}`)
