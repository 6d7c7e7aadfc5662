import { once } from 'node:events'
import { createReadStream, createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { batchInput, inputBytes } from '../harness/batch-input.ts'
import { clock } from '../harness/clock.ts'
import { loadBare } from '../harness/load-bare.ts'
import { tell } from '../harness/tell.ts'

/**
 * The script that one writes on an afternoon: line by line, a row or a batch a run, the best label
 * and its score of each. It knows no bad line, no crash, no price, and one CPU.
 *
 * Arguments: `iris` or `spam`, how many records, and how many a run.
 */
const [, , name = '', count, size] = process.argv
const { entry } = await loadBare(name)
const folder = mkdtempSync(join(tmpdir(), 'percall-plain-'))
const source = join(folder, 'input')
writeFileSync(
  source,
  await Array.fromAsync(inputBytes(batchInput(entry), Number(count))).then((all) =>
    Buffer.concat(all),
  ),
)
const session = await InferenceSession.create(
  join(entry.folder, entry.manifest.artifact.file ?? ''),
  { intraOpNumThreads: 1 },
)
const { labels } = entry
const isTable = name === 'iris'
const output = createWriteStream(join(folder, 'output'))

const cpu = process.cpuUsage()
const start = clock()
let waiting: { id: unknown; row: number[] | string }[] = []
let record = 0
for await (const line of createInterface(createReadStream(source))) {
  if (isTable && record === 0 && line.startsWith('sepal')) continue
  record += 1
  if (isTable) waiting.push({ id: undefined, row: line.split(',').map(Number) })
  else {
    const { id, text } = JSON.parse(line)
    waiting.push({ id, row: text })
  }
  if (waiting.length === Number(size)) await score()
}
await score()
output.end()
await finished(output)
const { user, system } = process.cpuUsage(cpu)
tell({
  perSecond: (record * 1_000) / (clock() - start),
  cpuMs: (user + system) / 1_000,
  records: record,
})
rmSync(folder, { recursive: true })
process.exit()

async function score(): Promise<void> {
  if (waiting.length === 0) return
  const rows = waiting.map(({ row }) => row)
  const feeds = isTable
    ? {
        features: new Tensor('float32', Float32Array.from(rows.flat() as number[]), [
          rows.length,
          4,
        ]),
      }
    : { text: new Tensor('string', rows as string[], [rows.length]) }
  const { probabilities } = await session.run(feeds, ['probabilities'])
  const scores = probabilities?.data as Float32Array
  const lines = waiting.map(({ id }, at) => {
    const own = [...scores.subarray(at * labels.length, (at + 1) * labels.length)]
    const best = Math.max(...own)
    return `${JSON.stringify({ id, label: labels[own.indexOf(best)], score: best })}\n`
  })
  waiting = []
  if (!output.write(lines.join(''))) await once(output, 'drain')
}
