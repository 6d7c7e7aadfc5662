import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { installTransformers } from './harness/install-transformers.ts'
import { interleave } from './harness/interleave.ts'
import { runNode } from './harness/node-process.ts'
import type { Row } from './harness/report.ts'
import { highest } from './harness/statistics.ts'
import type { WriteTask, Written } from './harness/write-rate.ts'

/** Where `models/smollm2/peer.py` puts SmolLM2 in the layout of the peer. */
const folder = resolve(import.meta.dirname, '../../.cache/smollm2/transformers')

/** One text at a time, beside `@huggingface/transformers` on the same nodes and weights. */
export async function generationPeer(
  task: WriteTask,
  rounds: number,
): Promise<{ rows: Row[]; notes: string[] }> {
  if (!existsSync(folder)) return { rows: [], notes: [] }
  const { url, version } = installTransformers()
  const words = JSON.stringify(task)
  const write = (name: string, ...args: readonly string[]) => {
    const file = join(import.meta.dirname, `processes/write-with-${name}.ts`)
    return () => runNode<Written>({ file, args: [...args, words] })
  }
  const { percall, spinning, asleep } = await interleave(
    {
      percall: write('percall'),
      spinning: write('transformers', url, folder, 'spinning'),
      asleep: write('transformers', url, folder, 'asleep'),
    },
    rounds,
  )
  const rates = (list: readonly Written[]) => list.map(({ tokensPerSecond }) => tokensPerSecond)
  const rate = (what: string, list: readonly Written[]): Row => {
    return { what, unit: 'tokens/s', value: highest(rates(list)) }
  }
  const ratio = (below: readonly number[], above = rates(percall)) =>
    highest(above.map((each, at) => each / (below[at] ?? Number.NaN)))
  // The better of its two settings, round by round.
  const better = rates(spinning).map((each, at) => Math.max(each, rates(asleep)[at] ?? 0))
  const byCpu = (list: readonly Written[]) => list.map((each) => each.tokensPerCpuSecond)
  const cpuRatio = ratio(byCpu(asleep), byCpu(percall))
  const texts = new Set([...percall, ...spinning, ...asleep].map(({ tokens }) => tokens.join()))
  return {
    rows: [
      rate('in a fresh process: percall, in a thread of its own', percall),
      rate('in a fresh process: transformers.js, threads that spin', spinning),
      rate('in a fresh process: transformers.js, threads that sleep', asleep),
      { what: 'percall ÷ the better of them', unit: '×', value: ratio(better), atLeast: 1 },
      { what: 'percall ÷ the one that sleeps, by CPU time', unit: '×', value: cpuRatio },
    ],
    notes: [
      `transformers.js is @huggingface/transformers ${version} on the artifact's own nodes and weights, with a mask in front. Each fresh process writes the text twice, and the second counts. All wrote ${texts.size === 1 ? 'the same tokens' : 'NOT the same tokens'}.`,
    ],
  }
}
