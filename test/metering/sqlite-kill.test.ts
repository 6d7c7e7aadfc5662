import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import type { Ledger } from '#shared/metering/ledger.ts'
import { createSqliteLedger } from '#shared/metering/sqlite-ledger.ts'
import { auditLedger, readEntries } from './audit.ts'
import { killBooks, killScenario } from './kill-scenario.ts'
import { start } from './ledger-samples.ts'
import { createMemoryLedger } from './memory-ledger.ts'

/** How many processes are killed; from twice the number of points on, each point is among them. */
const kills = Number(process.env.PERCALL_KILLS ?? 30)
const timeout = 60_000 + kills * 3_000
const directory = mkdtempSync(join(tmpdir(), 'percall-kill-'))
const childPath = fileURLToPath(new URL('./kill-child.ts', import.meta.url))
let points = 0
let runs = 0

afterAll(() => rmSync(directory, { recursive: true }))

interface Death {
  readonly path: string
  readonly signal: NodeJS.Signals | null
  /** `try` and `done` of steps, as far as it said them. */
  readonly said: readonly string[]
}

/** Runs the scenario in a process of its own; it dies at that point, or after that time. */
async function runChild(end: { atPoint?: number; afterMs?: number } = {}): Promise<Death> {
  runs += 1
  const path = join(directory, String(runs), 'ledger.sqlite')
  const parameters = [childPath, path, String(end.atPoint ?? 0)]
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    // Its life is counted from the first step: a process takes long to start.
    if (said === '' && end.afterMs !== undefined)
      wait(end.afterMs).then(() => child.kill('SIGKILL'))
    said += text
  })
  const signal = await new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('close', (_, by) => resolve(by)),
  )
  return { path, signal, said: said.split('\n').filter(Boolean) }
}

/** Those steps of the scenario that `chosen` says, in order. */
async function perform(ledger: Ledger, chosen: (name: string) => boolean): Promise<void> {
  for (const [group, steps] of killScenario.entries()) {
    const some = steps.filter((_, index) => chosen(`${group} ${index}`))
    await Promise.all(some.map((step) => step(ledger)))
  }
}

async function modelOf(chosen: (name: string) => boolean) {
  const model = createMemoryLedger()
  await perform(model, chosen)
  return killBooks(model)
}

async function checkDeath({ path, said }: Death): Promise<void> {
  const done = (name: string) => said.includes(`done ${name}`)
  const tried = (name: string) => said.includes(`try ${name}`)
  const ledger = createSqliteLedger({ path })
  const options = { now: start + 60_000, sweepMs: 1e9 }
  expect(await auditLedger(ledger, options)).toEqual([])
  // What was acknowledged is there; of what was not, all or nothing: a group is one transaction.
  expect([await modelOf(done), await modelOf(tried)]).toContainEqual(await killBooks(ledger))
  // Whoever comes next asks again for what has no reply, goes on, and gets where nobody died.
  const seen = (await ledger.account('acme')) ? await readEntries(ledger, 'acme', 100) : []
  await perform(ledger, (name) => !done(name))
  expect(await killBooks(ledger)).toEqual(await modelOf(() => true))
  expect(await auditLedger(ledger, { ...options, atRest: true, seen })).toEqual([])
  await ledger.close()
}

test('leaves what the model leaves when nobody dies', { timeout }, async () => {
  const life = await runChild()
  expect(life.signal).toBe(null)
  points = Number(life.said.at(-1)?.split(' ')[1])
  expect(points).toBeGreaterThan(150)
  await checkDeath(life)
})

test('loses and doubles nothing when killed at a chosen point', { timeout }, async () => {
  const count = Math.ceil(kills / 2)
  const chosen = Array.from(
    { length: count },
    (_, index) => 1 + Math.floor((index * points) / count),
  )
  for (const atPoint of new Set(chosen)) {
    const death = await runChild({ atPoint })
    expect(death.signal, `point ${atPoint}`).toBe('SIGKILL')
    await checkDeath(death)
  }
})

test('loses and doubles nothing when killed at any moment', { timeout }, async () => {
  let killed = 0
  for (let index = 0; index < kills / 2; index += 1) {
    // Quadratic: more of the moments right after the start, where every machine still works.
    const death = await runChild({ afterMs: Math.random() ** 2 * 60 })
    if (death.signal === 'SIGKILL') killed += 1
    await checkDeath(death)
  }
  expect(killed).toBeGreaterThan(0)
})
