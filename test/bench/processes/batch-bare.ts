import type { Tensors } from '#shared/runtime/tensor.ts'
import { variedInputs } from '#test/batch/scoring/varied-inputs.ts'
import { clock } from '../harness/clock.ts'
import { loadBare } from '../harness/load-bare.ts'
import { tell } from '../harness/tell.ts'

/**
 * The floor of scoring: a loop of `session.run` over tensors that are ready, at the batch size that
 * is fastest here. What comes out is looked at by nobody.
 *
 * Arguments: the model, how many milliseconds to run, and the batch size; 0 to look for the best.
 */
const [, , name = '', runMs, known] = process.argv
const sizes = [1, 4, 8, 16, 32, 64, 128, 256, 512]
const { entry, session, task, model } = await loadBare(name)
const inputs = variedInputs(entry, Math.max(...sizes))
const rows = inputs.flatMap((input) => task.rows([input], model).rows)

async function tensorsOf(size: number): Promise<Tensors[]> {
  const all: Tensors[] = []
  for (let first = 0; first + size <= rows.length; first += size) {
    all.push((await task.prepare(rows.slice(first, first + size), {}, model)).tensors)
  }
  return all
}

/** Rows a second. */
async function run(tensors: readonly Tensors[], size: number, forMs: number): Promise<number> {
  const start = clock()
  for (let runs = 0; ; runs += 1) {
    const passedMs = clock() - start
    if (passedMs >= forMs && runs > 0) return (runs * size * 1_000) / passedMs
    await session.run(tensors[runs % tensors.length] ?? {})
  }
}

let best = { size: Number(known), perSecond: 0 }
for (const size of best.size > 0 ? [] : sizes) {
  const tensors = await tensorsOf(size)
  await run(tensors, size, 50)
  const perSecond = await run(tensors, size, 150)
  if (perSecond > best.perSecond) best = { size, perSecond }
  // Of a slow model larger batches would only take longer.
  if (size / perSecond > 0.5) break
}
const tensors = await tensorsOf(best.size)
await run(tensors, best.size, 100)
const cpu = process.cpuUsage()
const start = clock()
const perSecond = await run(tensors, best.size, Number(runMs))
const { user, system } = process.cpuUsage(cpu)
const records = (perSecond * (clock() - start)) / 1_000
const { rows: proven } = entry.manifest.batch
tell({ perSecond, size: best.size, proven, cpuMs: (user + system) / 1_000, records })
process.exit()
